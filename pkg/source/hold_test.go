package source

import (
	"net/http"
	"strings"
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

func (b *bench) holding(a Advertised, adopt digest.Digest, change func(*v1.OCIRepositorySpec)) (Result, *Error) {
	b.t.Helper()
	spec := byTag("v1")
	spec.URL = b.url()
	if change != nil {
		change(&spec)
	}
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
	got, failure := b.holding(after(first), "", nil)
	if failure != nil || !got.Unchanged || got.Revision != first.Revision || got.Waiting != "revision 'v1@"+next.String()+"'" {
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
	for name, a := range map[string]Advertised{
		"by this agent":      after(first),
		"by another program": after(first, func(a *Advertised) { a.Place, a.Digest = "", digest.FromString("packed otherwise") }),
	} {
		b.lose()
		got, failure := b.holding(a, "", nil)
		if failure != nil || got.Unchanged || got.Revision != first.Revision || got.Entry.Digest != first.Entry.Digest {
			t.Errorf("%s: %+v, %v", name, got, failure)
		}
	}
}

// Whatever is asked for waits, and is adopted as a whole, by the digest that the reference names.
func TestHoldKeepsBack(t *testing.T) {
	t.Parallel()
	b, first, next := held(t)
	revision := "v1@" + next.String()
	selector := &v1.OCILayerSelector{Operation: v1.LayerCopy}
	inUse := func(a *Advertised) { a.Revision = revision }
	for name, test := range map[string]struct {
		change     func(*v1.OCIRepositorySpec)
		advertised Advertised
		waiting    string
		requests   int32
	}{
		"a revision":           {nil, after(first), "revision '" + revision + "'", 1},
		"the first one":        {nil, Advertised{}, "revision '" + revision + "'", 1},
		"a tag":                {func(s *v1.OCIRepositorySpec) { s.Reference.Tag = "v2" }, after(first), "revision 'v2@" + next.String() + "'", 1},
		"a digest":             {pinned(next), after(first), "revision '" + next.String() + "'", 1},
		"a first digest":       {pinned(next), Advertised{}, "revision '" + next.String() + "'", 1},
		"ignore":               {func(s *v1.OCIRepositorySpec) { s.Ignore = new("*.md") }, after(first, inUse), "revision '" + revision + "' with the changed spec.ignore", 1},
		"selector":             {func(s *v1.OCIRepositorySpec) { s.LayerSelector = selector }, after(first, inUse), "revision '" + revision + "' with the changed spec.layerSelector", 1},
		"another repository":   {nil, after(first, inUse, func(a *Advertised) { a.Place = "ghcr.io/" + a.Place }), "revision '" + revision + "' with the changed spec.url", 1},
		"all of it":            {func(s *v1.OCIRepositorySpec) { s.Ignore = new("*.md") }, after(first, func(a *Advertised) { a.LayerSelector = selector }), "revision '" + revision + "' with the changed spec.ignore, spec.layerSelector", 1},
		"rules in use are few": {nil, after(first, inUse, func(a *Advertised) { a.Ignore = new("*.md") }), "revision '" + revision + "' with the changed spec.ignore", 1},
	} {
		b.pushLayer("v2", pack(t, map[string]string{"a.yaml": "a: 2"}), nil) // the same as v1
		before := b.requests.Load()
		got, failure := b.holding(test.advertised, digest.FromString("another"), test.change)
		if failure != nil || got.Waiting != test.waiting || got.Revision != test.advertised.Revision {
			t.Errorf("%s: %+v, %v", name, got, failure)
		}
		if got.Unchanged != (test.advertised.Digest != "") || got.Entry.Digest != test.advertised.Digest {
			t.Errorf("%s: entry %s instead of %s", name, got.Entry.Digest, test.advertised.Digest)
		}
		if n := b.requests.Load() - before; n > test.requests {
			t.Errorf("%s: %d requests", name, n)
		}
		got, failure = b.holding(test.advertised, next, test.change)
		if failure != nil || got.Waiting != "" || got.Unchanged || !strings.HasSuffix(got.Revision, next.String()) {
			t.Errorf("%s, adopted: %+v, %v", name, got, failure)
		}
	}
}

func pinned(d digest.Digest) func(*v1.OCIRepositorySpec) {
	return func(s *v1.OCIRepositorySpec) { s.Reference = &v1.OCIRepositoryRef{Digest: d.String()} }
}

// What cannot be adopted when a window opens is told of at once.
func TestHoldTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	b, first, _ := held(t)
	for name, test := range map[string]struct {
		change func(*v1.OCIRepositorySpec)
		reason string
	}{
		"url":    {func(s *v1.OCIRepositorySpec) { s.URL = "oci://" }, v1.ReasonURLInvalid},
		"tag":    {func(s *v1.OCIRepositorySpec) { s.Reference.Tag = "none" }, v1.ReasonPullFailed},
		"digest": {pinned(digest.FromString("none")), v1.ReasonPullFailed},
	} {
		for _, a := range []Advertised{{}, after(first)} {
			if got, failure := b.holding(a, "", test.change); failure == nil || failure.Reason != test.reason || got.Waiting != "" {
				t.Errorf("%s: %+v, %v", name, got, failure)
			}
		}
	}
}

// What was lost and lay elsewhere is not replaced by what the spec asks for now, and not asked for with credentials that are for another
// repository.
func TestHoldAdoptsNothingForWhatIsLost(t *testing.T) {
	t.Parallel()
	b, first, _ := held(t)
	b.lose()
	a := after(first, func(a *Advertised) { a.Place = strings.Replace(a.Place, "/app@", "/old@", 1) })
	got, failure := b.holding(a, "", nil)
	if failure == nil || failure.Terminal || !strings.Contains(failure.Error(), errElsewhere.Error()) || got.Waiting == "" || got.Revision != first.Revision {
		t.Errorf("%+v, %v", got, failure)
	}
	if entry, err := b.Store.Latest(key); err == nil {
		t.Errorf("%v is stored", entry)
	}
	broken := after(first, func(a *Advertised) { a.Place, a.Revision = "", "v1/abc" })
	if got, failure := b.holding(broken, "", nil); failure == nil || got.Waiting == "" {
		t.Errorf("a revision without a digest: %+v, %v", got, failure)
	}
}

// A changed spec is no reason to lose what is in use: it comes back by the rules it was made by.
func TestHoldBringsBackByTheRulesOfBefore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1", "b.md": "b"}), nil)
	spec := byTag("v1")
	spec.Ignore = new("*.md")
	a, want := b.advertise(spec)
	got, failure := b.holding(a, "", func(s *v1.OCIRepositorySpec) { s.Ignore = new("a.yaml") })
	if failure != nil || got.Waiting == "" || got.Revision != a.Revision || string(b.served(got.Entry)) != string(want) {
		t.Errorf("%+v, %v", got, failure)
	}
}

// A registry that fails is told of, whatever waits.
func TestHoldHidesNoFailure(t *testing.T) {
	t.Parallel()
	b, first, _ := held(t)
	b.status.Store(http.StatusForbidden)
	if got, failure := b.holding(after(first), "", nil); failure == nil || failure.Reason != v1.ReasonAuthenticationFailed || got.Revision != "" {
		t.Errorf("%+v, %v", got, failure)
	}
}
