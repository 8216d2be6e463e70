package source

import (
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// held is a bench on which v1 is advertised and the tag has moved on to v2.
func held(t *testing.T) (b *bench, first Result, next digest.Digest) {
	t.Helper()
	b = newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	first, failure := b.run(byTag("v1"), Advertised{})
	if failure != nil {
		t.Fatal(failure)
	}
	manifest, _ := b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 2"}), nil)
	return b, first, manifest.Digest
}

func (b *bench) holding(a Advertised, adopt digest.Digest) (Result, *Error) {
	b.t.Helper()
	spec := byTag("v1")
	spec.URL = b.url()
	result, err := b.Run(b.t.Context(), Request{Key: key, Spec: spec, Advertised: a, Hold: true, Adopt: adopt})
	if err == nil {
		return result, nil
	}
	return result, b.failure(err)
}

func TestHoldGoesOnWithWhatIsAdvertised(t *testing.T) {
	t.Parallel()
	b, first, next := held(t)
	before := b.requests.Load()
	got, failure := b.holding(after(first), "")
	if failure != nil || !got.Unchanged || got.Revision != first.Revision || got.Waiting != "v1@"+next.String() {
		t.Errorf("%+v, %v", got, failure)
	}
	if n := b.requests.Load() - before; n != 1 {
		t.Errorf("a revision that waits costs %d requests", n)
	}
	if got, failure := b.run(byTag("v1"), after(first)); failure != nil || got.Waiting != "" || got.Revision != "v1@"+next.String() {
		t.Errorf("let go, it is %+v, %v", got, failure)
	}
}

// A disk that was lost is filled with what was advertised, not with what waits, whoever advertised it.
func TestHoldBringsBackWhatIsAdvertised(t *testing.T) {
	t.Parallel()
	b, first, _ := held(t)
	if err := b.Store.Remove(key); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]Advertised{
		"by this agent":      after(first),
		"by another program": after(first, func(a *Advertised) { a.Place, a.Digest = "", digest.FromString("packed otherwise") }),
	} {
		got, failure := b.holding(a, "")
		if failure != nil || got.Unchanged || got.Revision != first.Revision || got.Entry.Digest != first.Entry.Digest {
			t.Errorf("%s: %+v, %v", name, got, failure)
		}
	}
}

func TestHoldLetsPass(t *testing.T) {
	t.Parallel()
	b, first, next := held(t)
	for name, test := range map[string]struct {
		advertised Advertised
		adopt      digest.Digest
	}{
		"the one asked for":       {after(first), next},
		"the first one":           {advertised: Advertised{}},
		"from another repository": {advertised: after(first, func(a *Advertised) { a.Place = "other/" + a.Place })},
	} {
		if got, failure := b.holding(test.advertised, test.adopt); failure != nil || got.Revision != "v1@"+next.String() || got.Waiting != "" {
			t.Errorf("%s: %+v, %v", name, got, failure)
		}
	}
	if got, failure := b.holding(after(first), digest.FromString("other")); failure != nil || got.Waiting == "" {
		t.Errorf("another one asked for: %+v, %v", got, failure)
	}
}

// A registry that fails is told of, whatever waits.
func TestHoldHidesNoFailure(t *testing.T) {
	t.Parallel()
	b, first, _ := held(t)
	b.status.Store(http.StatusForbidden)
	if got, failure := b.holding(after(first), ""); failure == nil || failure.Reason != v1.ReasonAuthenticationFailed || got.Revision != "" {
		t.Errorf("%+v, %v", got, failure)
	}
}
