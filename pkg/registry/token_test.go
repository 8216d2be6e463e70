package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/singleflight"
)

// issuing is a session whose token service answers with what body gives.
func issuing(t *testing.T, body func(scope string) string) (*session, *transport.Challenge) {
	t.Helper()
	host, err := name.NewRegistry("registry.example.com")
	if err != nil {
		t.Fatal(err)
	}
	service := roundTrip(func(req *http.Request) (*http.Response, error) {
		resp := answer(req, http.StatusOK)
		resp.Body = io.NopCloser(strings.NewReader(body(req.URL.Query().Get("scope"))))
		return resp, nil
	})
	challenge := &transport.Challenge{Scheme: "bearer", Parameters: map[string]string{"realm": "https://registry.example.com/token"}}
	return newSession(host, false, Credential{}, newGovernor(host.RegistryStr(), 0), service), challenge
}

// A session lives for as long as its registry is polled; what expired meanwhile does not.
func TestExpiredTokensAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lives := map[string]int{"short": 60, "hour": 3600, "ages": 1 << 40, "last": 60}
		s, challenge := issuing(t, func(scope string) string {
			return fmt.Sprintf(`{"token":%q,"expires_in":%d}`, scope, lives[scope])
		})
		get := func(scope string) {
			if got, err := s.token(t.Context(), challenge, scope); got != scope || err != nil {
				t.Errorf("%s: got %q, %v", scope, got, err)
			}
		}
		has := func(want ...string) {
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(s.tokens))); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		}
		get("short")
		get("ages")
		pause(time.Minute)
		get("hour")
		has("ages", "hour")
		pause(maxTokenLife * time.Second * 4 / 5)
		get("last")
		has("last")
	})
}

func TestTokensThatAreTooLong(t *testing.T) {
	t.Parallel()
	s, challenge := issuing(t, func(string) string { return `{"token":"` + strings.Repeat("x", maxTokenBytes+1) + `"}` })
	if got, err := s.token(t.Context(), challenge, "pull"); err == nil || got != "" || len(s.tokens) != 0 || strings.Contains(err.Error(), "xxx") {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// What a library makes of an answer that nobody thought of must not end the process.
func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	wild := func(context.Context) (string, error) { panic("index out of range") }
	p, want := newPolls(testWindow), "read the registry's answer: index out of range"
	if _, err := share(t.Context(), p, pollKey{}, time.Time{}, wild); err == nil || err.Error() != want {
		t.Errorf("a poll: %v", err)
	}
	tame := func(context.Context) (string, error) { return "", errors.New("tame") }
	if _, err := share(t.Context(), p, pollKey{}, time.Time{}, tame); err == nil || err.Error() != "tame" {
		t.Errorf("the next one: %v", err)
	}
	if _, err := shared(t.Context(), &singleflight.Group{}, "token", wild); err == nil || err.Error() != want {
		t.Errorf("a token: %v", err)
	}
}
