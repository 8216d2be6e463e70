package controller

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

func newPublicKey(t *testing.T) string {
	t.Helper()
	_, public, err := signature.GenerateKeyPair(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(public)
}

// silent is an API server that does not answer.
type silent struct{ client.Reader }

func (silent) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("API server away")
}

// Who is asked for a signature is looked at in time, also where nothing else would be tried again.
func TestVerifiedAgain(t *testing.T) {
	t.Parallel()
	object, empty := advertising(1), newObject(1)
	signed, unsure, plain := attempt.Terms{Requirements: make([]signature.Requirement, 1)}, attempt.Terms{Unread: &source.Error{}}, attempt.Terms{}
	for name, tc := range map[string]struct {
		object               *v1.OCIRepository
		terms                attempt.Terms
		wait, interval, want time.Duration
	}{
		"soon anyway":  {object, signed, time.Minute, time.Hour, time.Minute},
		"late":         {object, signed, 2 * time.Hour, time.Hour, time.Hour},
		"stalled":      {object, signed, 0, time.Hour, time.Hour},
		"not known":    {object, unsure, 0, time.Hour, time.Hour},
		"not set":      {object, signed, 0, 0, 0},
		"not asked":    {object, plain, 0, time.Hour, 0},
		"not there":    {empty, signed, 0, time.Hour, 0},
		"not so often": {object, plain, 2 * time.Hour, time.Hour, 2 * time.Hour},
	} {
		if got := (&Reconciler{VerifyInterval: tc.interval}).verifiedAgain(tc.object, tc.terms, tc.wait); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// answering is a source that answers every request alike, and notes them.
type answering struct {
	err error
	got *[]source.Request
}

func (a answering) Run(_ context.Context, req source.Request) (source.Result, error) {
	*a.got = append(*a.got, req)
	if req.Barred != nil {
		return source.Result{}, req.Barred
	}
	return source.Result{}, a.err
}

// Windows that cannot be read let nothing pass, and keep nothing that has lost its signature.
func TestUnreadableWindowKeepsNothingUnsigned(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"signed":      {nil, v1.ReasonWindowInvalid},
		"away":        {&source.Error{Condition: v1.ConditionSourceVerified, Reason: v1.ReasonVerificationError, Unknown: true, Err: errors.New("away")}, v1.ReasonWindowInvalid},
		"signed once": {&source.Error{Condition: v1.ConditionSourceVerified, Reason: v1.ReasonVerificationError, Withdraws: true, Err: errors.New("no")}, v1.ReasonVerificationError},
	} {
		var got []source.Request
		r := &Reconciler{Live: withKey(newPublicKey(t)), Source: answering{tc.err, &got}}
		object := advertising(1)
		object.Spec.URL, object.Spec.Verify = "oci://ghcr.io/org/app", &v1.Verification{SecretRef: ref("keys")}
		object.Annotations = map[string]string{v1.AnnotationWindow: "?"}
		found := r.run(t.Context(), object)
		if found.failure == nil || found.failure.Reason != tc.want {
			t.Errorf("%s: %+v", name, found.failure)
		}
		if len(got) != 1 || !got[0].Hold || len(got[0].Requirements) != 1 {
			t.Errorf("%s: asked %+v", name, got)
		}
	}
}

// What is to be put back has to be signed, too: where nobody is trusted no registry is asked, and that is no word on what is advertised.
func TestRefillNeedsSigners(t *testing.T) {
	t.Parallel()
	object := advertising(1)
	object.Spec.URL, object.Spec.Verify = "oci://ghcr.io/org/app", &v1.Verification{SecretRef: ref("keys")}
	for name, keys := range map[string]secrets{"none": nil, "some": withKey(newPublicKey(t))} {
		var asked *source.Request
		f := &Refill{Reconciler: &Reconciler{Live: keys}, Source: origin{
			func(context.Context, store.Key, source.Advertised) error { return fs.ErrNotExist },
			func(req source.Request) error { asked = &req; return nil },
		}}
		err := f.restore(t.Context(), object)
		if there := keys != nil; there != (err == nil) || there != (asked != nil) || there && len(asked.Requirements) != 1 || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, asked %+v", name, err, asked)
		}
	}
}
