package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// Docker Hub counts logins too: its token service says "too many requests" as its registry does.
func TestWhoeverAsksForFewerRequestsIsLeftAlone(t *testing.T) {
	t.Parallel()
	const realm = `Bearer realm="https://auth.example.com/token",service="s"`
	for title, limited := range map[string]string{
		"challenge": "https://registry.example.com/v2/",
		"token":     "https://auth.example.com/token",
		"manifest":  "https://registry.example.com/v2/app/manifests/v1",
		"redirect":  "https://elsewhere.example.com/blob",
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			asked, sent := 0, 0
			s := simulated(t, func(req *http.Request) (*http.Response, error) {
				sent++
				switch address := req.URL.String(); {
				case strings.HasPrefix(address, limited) && (title != "challenge" || req.URL.Path == "/v2/"):
					asked++
					return answer(req, http.StatusTooManyRequests, "Retry-After", "30"), nil
				case req.URL.Path == "/v2/":
					return answer(req, http.StatusUnauthorized, "WWW-Authenticate", realm), nil
				case req.URL.Path == "/token":
					return answerWith(req, `{"token":"t"}`), nil
				default:
					return answer(req, http.StatusTemporaryRedirect, "Location", "https://elsewhere.example.com/blob"), nil
				}
			})
			client := &http.Client{Transport: &chain{sessions: []*session{s}, accepted: newCounter(), scope: "repository:app:pull"}}
			before := 0
			for i := range 5 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.example.com/v2/app/manifests/v1", nil)
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.Do(req)
				wait, ok := errors.AsType[*RateLimitError](err)
				if !ok || wait.Host != "registry.example.com" {
					t.Fatalf("the error is %v", err)
				}
				if i == 0 {
					before = sent
				}
			}
			if asked != 1 || sent != before {
				t.Errorf("it was asked %d times, %d requests followed", asked, sent-before)
			}
		})
	}
}
