package controller

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/opencontainers/go-digest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	klabels "k8s.io/apimachinery/pkg/labels"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// origin says what comes of asking other replicas, and the registry.
type origin struct {
	replica

	registry func(source.Request) error
}

func (o origin) Restore(_ context.Context, req source.Request) (store.Entry, error) {
	return store.Entry{}, o.registry(req)
}

// What is advertised at this moment comes from another replica, or else from the registry; and only what is not advertised is told of
// as missing.
func TestRefill(t *testing.T) {
	t.Parallel()
	right, wrong := digest.FromString("bytes1"), digest.FromString("bytes0")
	away := errors.New("registry away")
	with := func(change func(*v1.OCIRepository)) *v1.OCIRepository {
		object := advertising(1)
		object.Spec.URL = "oci://registry.example.com/app"
		change(object)
		return object
	}
	plain := with(func(*v1.OCIRepository) {})
	type asked struct{ replicas, registry bool }
	for name, tc := range map[string]struct {
		object    *v1.OCIRepository
		live      error // of the API server
		digest    digest.Digest
		namespace string
		replicas  error
		registry  error
		want      error // nil: it is back
		passes    bool  // any error but fs.ErrNotExist
		asked     asked
	}{
		"a replica has it":       {object: plain, digest: right, asked: asked{true, false}},
		"the registry has it":    {object: plain, digest: right, replicas: fs.ErrNotExist, asked: asked{true, true}},
		"the latest":             {object: plain, replicas: away, asked: asked{true, true}},
		"nobody has it":          {object: plain, digest: right, replicas: fs.ErrNotExist, registry: away, want: away, passes: true, asked: asked{true, true}},
		"a file is missing here": {object: plain, digest: right, replicas: fs.ErrNotExist, registry: fs.ErrNotExist, passes: true, asked: asked{true, true}},
		"no API server":          {live: away, digest: right, want: away, passes: true},
		"no object":              {digest: right, want: fs.ErrNotExist},
		"superseded":             {object: plain, digest: wrong, asked: asked{true, false}},
		"nobody keeps it":        {object: plain, digest: wrong, replicas: fs.ErrNotExist, want: fs.ErrNotExist, asked: asked{true, false}},
		"nobody says":            {object: plain, digest: wrong, replicas: away, passes: true, asked: asked{true, false}},
		"another's before": {object: with(func(o *v1.OCIRepository) { delete(o.Status.Artifact.Metadata, v1.MetadataSource) }),
			digest: wrong, want: fs.ErrNotExist},
		"another namespace": {object: plain, digest: right, namespace: "other", want: fs.ErrNotExist},
		"this namespace":    {object: plain, digest: right, namespace: key.Namespace, asked: asked{true, false}},
		"no artifact":       {object: with(func(o *v1.OCIRepository) { o.Status.Artifact = nil }), want: fs.ErrNotExist},
		"on its way out": {object: with(func(o *v1.OCIRepository) { o.DeletionTimestamp = &metav1.Time{Time: noon} }),
			digest: right, want: fs.ErrNotExist},
		"another controller's": {object: with(func(o *v1.OCIRepository) { delete(o.Status.Artifact.Metadata, v1.MetadataSource) }),
			digest: right, want: fs.ErrNotExist},
		"another agent's": {object: with(func(o *v1.OCIRepository) { o.Labels = map[string]string{"shard": "b"} }),
			digest: right, want: fs.ErrNotExist},
	} {
		var got asked
		live := objects{err: tc.live}
		if tc.object != nil {
			live.items = []*v1.OCIRepository{tc.object}
		}
		refill := &Refill{
			Reconciler: &Reconciler{Live: live},
			Source: origin{
				func(_ context.Context, k store.Key, a source.Advertised) error {
					got.replicas = k == key && (a.Digest == tc.digest || tc.digest == "" && a.Digest == right)
					return tc.replicas
				},
				func(req source.Request) error {
					got.registry = req.Key == key && req.Advertised.Digest == right && req.Spec.URL == "oci://registry.example.com/app"
					return tc.registry
				},
			},
			Selector:  klabels.SelectorFromSet(nil),
			Namespace: tc.namespace,
		}
		if name == "another agent's" {
			refill.Selector = klabels.SelectorFromSet(klabels.Set{"shard": "a"})
		}
		err := refill.Refill(t.Context(), key, tc.digest)
		if (err == nil) != (tc.want == nil && !tc.passes) || tc.passes && errors.Is(err, fs.ErrNotExist) ||
			!tc.passes && !errors.Is(err, tc.want) || got != tc.asked {
			t.Errorf("%s: %v, asked %+v", name, err, got)
		}
	}
}

// What changed while the bytes were on their way counts: whoever dropped the entry then found nothing to drop.
func TestRefillOfWhatWentMeanwhile(t *testing.T) {
	t.Parallel()
	right, older := digest.FromString("bytes1"), digest.FromString("older")
	for name, tc := range map[string]struct {
		change  func(*v1.OCIRepository) // nil: it is deleted
		live    error                   // of the API server, then
		digest  digest.Digest
		left    bool
		missing bool
	}{
		"nothing":       {change: func(*v1.OCIRepository) {}, digest: right, left: true},
		"nothing, kept": {change: func(*v1.OCIRepository) {}, digest: older, left: true},
		"a condition":   {change: func(o *v1.OCIRepository) { o.Status.Conditions = nil }, digest: right, left: true},
		"deleted":       {digest: right, missing: true},
		"withdrawn":     {change: func(o *v1.OCIRepository) { o.Status.Artifact = nil }, digest: right},
		"superseded":    {change: func(o *v1.OCIRepository) { o.Status = advertising(2).Status }, digest: right},
		"twice":         {change: func(o *v1.OCIRepository) { o.Status = advertising(2).Status }, digest: older},
		"on its way":    {change: func(o *v1.OCIRepository) { o.DeletionTimestamp = &metav1.Time{Time: noon} }, digest: right},
		"another's":     {change: func(o *v1.OCIRepository) { o.Labels = map[string]string{"shard": "b"} }, digest: right, missing: true},
		"nobody knows":  {live: errors.New("API server away"), digest: right},
	} {
		s := openStore(t)
		live := &objects{items: []*v1.OCIRepository{advertising(1)}}
		refill := &Refill{
			Reconciler: &Reconciler{Live: live, Store: s},
			Source: origin{replica: func(_ context.Context, k store.Key, a source.Advertised) error {
				putBack(t, s, map[digest.Digest]string{right: "bytes1", older: "older"}[a.Digest])
				live.err = tc.live
				if tc.change == nil {
					live.items = nil
					return nil
				}
				tc.change(live.items[0])
				return nil
			}},
			Selector: klabels.SelectorFromSet(nil),
		}
		if name == "another's" {
			refill.Selector, _ = klabels.Parse("shard!=b")
		}
		err := refill.Refill(t.Context(), key, tc.digest)
		if (err == nil) != tc.left || errors.Is(err, fs.ErrNotExist) != tc.missing {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Stat(key, tc.digest); (err == nil) != tc.left {
			t.Errorf("%s: in the store: %v", name, err)
		}
	}
}

func putBack(t *testing.T, s *store.Store, body string) {
	t.Helper()
	if _, err := s.Restore(key, digest.FromString(body), func(w io.Writer) error { _, err := io.WriteString(w, body); return err }); err != nil {
		t.Error(err)
	}
}
