package registry

import (
	"net/http"
	"strings"
	"testing"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	token := (&tokenAuth{user: "alice", password: "right"}).wrap
	basic := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "alice" || password != "right" {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
	}
	for name, test := range map[string]struct {
		middleware func(http.Handler) http.Handler
		password   string
		required   bool
		refused    bool
	}{
		"token":        {token, "right", true, false},
		"token, wrong": {token, "wrong", true, true},
		"basic":        {basic, "right", true, false},
		"basic, wrong": {basic, "wrong", true, true},
		"open":         {nil, "wrong", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, test.middleware)
			access := Access{Credentials: []Credential{{Username: "alice", Password: test.password}}}
			required, err := NewClient(Options{}).Login(t.Context(), h.ref("x").Registry, access)
			if IsUnauthorized(err) != test.refused || err == nil && required != test.required {
				t.Errorf("got %v, %v", required, err)
			}
			if test.refused && (!strings.Contains(err.Error(), `as user "alice"`) || strings.Contains(err.Error(), test.password)) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := NewClient(Options{}).Login(t.Context(), "a b", Access{}); err == nil {
		t.Error("no host is taken for one")
	}
}
