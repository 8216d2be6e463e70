package registry

import (
	"errors"
	"net/http"
	"testing"
)

// heeding is a registry that knows the condition; before it looks, before is done.
func heeding(before func(*http.Request)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && r.Header.Get("If-None-Match") == "*" {
				before(r)
				w.WriteHeader(http.StatusPreconditionFailed)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestPushAbsent(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	repo := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
	p := push(t, repo)
	d, raw := referrer(t, repo, p.manifest, "other")
	if named, err := repo.CheckAbsent(t.Context(), "new", d.Digest); named || err != nil {
		t.Fatal(named, err)
	}
	if err := repo.PushAbsent(t.Context(), "new", d, raw); err != nil {
		t.Fatal(err)
	}
	if named, err := repo.CheckAbsent(t.Context(), "new", d.Digest); !named || err != nil {
		t.Fatal(named, err)
	}
	_, err := repo.CheckAbsent(t.Context(), "new", p.manifest.Digest)
	if e, ok := errors.AsType[*TagExistsError](err); !ok || e.Digest != d.Digest || e.Reference.Tag != "new" {
		t.Fatalf("got %v", err)
	}
}

// Between the look and the push somebody else is faster.
func TestPushAbsentAgainstOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		same bool
	}{"the same": {true}, "another": {false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var other func()
			host := serve(t, heeding(func(*http.Request) { other() }))
			repo := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
			p := push(t, repo)
			d, raw := referrer(t, repo, p.manifest, "ours")
			theirs, theirRaw := referrer(t, repo, p.manifest, "theirs")
			other = func() {
				if test.same {
					theirs, theirRaw = d, raw
				}
				if err := repo.PushManifest(t.Context(), "new", theirs, theirRaw); err != nil {
					t.Error(err)
				}
			}
			err := repo.PushAbsent(t.Context(), "new", d, raw)
			e, exists := errors.AsType[*TagExistsError](err)
			if exists == test.same || !exists && err != nil || exists && e.Digest != theirs.Digest {
				t.Errorf("got %v", err)
			}
		})
	}
	host := serve(t, heeding(func(*http.Request) {}))
	repo := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
	p := push(t, repo)
	d, raw := referrer(t, repo, p.manifest, "ours")
	if err := repo.PushAbsent(t.Context(), "new", d, raw); err == nil {
		t.Error("the registry has refused it")
	}
}
