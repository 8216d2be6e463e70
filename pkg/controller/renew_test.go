package controller

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// board is an API server that takes the status of one object, and events, which it forgets.
type board struct {
	client.Client

	object *v1.OCIRepository
	writes int
}

func (b *board) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	b.object.DeepCopyInto(into.(*v1.OCIRepository)) //nolint:forcetypeassert // nothing else is asked for
	return nil
}

func (b *board) Create(context.Context, client.Object, ...client.CreateOption) error { return nil }

func (b *board) Status() client.SubResourceWriter { return statuses{board: b} }

type statuses struct {
	client.SubResourceWriter

	board *board
}

func (s statuses) Patch(_ context.Context, object client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
	object.(*v1.OCIRepository).DeepCopyInto(s.board.object) //nolint:forcetypeassert // nothing else is written
	s.board.writes++
	return nil
}

// packer has of every digest the same bytes, and finds no tag.
type packer struct {
	store     *store.Store
	body      string
	condition string // that tells of tags; empty: FetchFailed. SourceVerified: nothing is to be trusted
	away      error  // of its registry
}

func (p packer) Run(_ context.Context, req source.Request) (source.Result, error) {
	switch {
	case p.away != nil:
		return source.Result{}, p.away
	case req.Spec.Reference == nil || req.Spec.Reference.Digest == "":
		return source.Result{}, &source.Error{Condition: cmp.Or(p.condition, v1.ConditionFetchFailed), Reason: v1.ReasonReadOperationFailed,
			Withdraws: p.condition == v1.ConditionSourceVerified, Err: errors.New("no such tag")}
	}
	entry, err := p.store.Put(req.Key, func(w io.Writer) error { _, err := io.WriteString(w, p.body); return err })
	return source.Result{Revision: req.Spec.Reference.Digest, Entry: entry, Metadata: map[string]string{v1.MetadataSource: "registry.example.com/app@" + req.Spec.Reference.Digest}}, err
}

// What is advertised and lost is advertised anew, under its own revision, of whatever bytes this version makes of it: also where nobody
// looks for another revision, or where the one that the spec asks for cannot be had.
func TestLostIsAdvertisedAnew(t *testing.T) {
	t.Parallel()
	suspend := func(o *v1.OCIRepository) { o.Spec.Suspend = true }
	fails := func(*v1.OCIRepository) {}
	away := &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonReadOperationFailed, Err: errors.New("registry away")}
	for name, tc := range map[string]struct {
		change    func(*v1.OCIRepository)
		packs     string
		there     bool // in the store
		condition string
		away      error
		want      string // what is advertised then; empty: nothing
		stored    bool
	}{
		"suspended, there":           {change: suspend, packs: "other", there: true, want: "bytes1", stored: true},
		"suspended, the same bytes":  {change: suspend, packs: "bytes1", want: "bytes1", stored: true},
		"suspended, other bytes":     {change: suspend, packs: "other", want: "other", stored: true},
		"suspended, no registry":     {change: suspend, away: away, want: "bytes1"},
		"suspended in a bad window":  {change: func(o *v1.OCIRepository) { suspend(o); o.Annotations = map[string]string{v1.AnnotationWindow: "?"} }, packs: "other", want: "other", stored: true},
		"suspended, withdrawn":       {change: func(o *v1.OCIRepository) { suspend(o); o.Status.Artifact = nil }, packs: "other"},
		"failing, there":             {change: fails, packs: "other", there: true, want: "bytes1", stored: true},
		"failing, the same bytes":    {change: fails, packs: "bytes1", want: "bytes1", stored: true},
		"failing, other bytes":       {change: fails, packs: "other", want: "other", stored: true},
		"failing, no registry":       {change: fails, away: away, want: "bytes1"},
		"failing its verification":   {change: func(o *v1.OCIRepository) { o.Spec.Verify = &v1.Verification{} }, packs: "other"},
		"its tag is not trusted":     {change: fails, condition: v1.ConditionSourceVerified, packs: "other"},
		"failing, withdrawn already": {change: func(o *v1.OCIRepository) { o.Status.Artifact = nil }, packs: "other"},
	} {
		s := openStore(t)
		object := advertising(1)
		object.Spec.URL = "oci://registry.example.com/app"
		tc.change(object)
		b := &board{object: object}
		if tc.there {
			putBack(t, s, "bytes1")
		}
		r := &Reconciler{Client: b, Live: b, Store: s, Source: packer{s, tc.packs, tc.condition, tc.away}, Durations: NewDurations(), Address: "agent"}
		if _, err := r.Reconcile(t.Context(), request()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		a := b.object.Status.Artifact
		if (a == nil) != (tc.want == "") || a != nil && (a.Digest != digest.FromString(tc.want).String() || a.Revision != revision(1)) {
			t.Errorf("%s: %+v is advertised", name, a)
		}
		if a == nil {
			if b.writes > 1 {
				t.Errorf("%s: something was advertised in between", name)
			}
			continue
		}
		if _, err := s.Stat(key, digest.Digest(a.Digest)); (err == nil) != tc.stored {
			t.Errorf("%s: in the store: %v", name, err)
		}
		if lost := strings.HasSuffix(ready(b.object.Status).Message, lostNote); lost && tc.stored {
			t.Errorf("%s: %s", name, ready(b.object.Status).Message)
		}
	}
}
