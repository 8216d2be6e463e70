package registry

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Within a registry a blob is taken over with a token for both repositories; where that is refused, it is sent, and nobody asks again.
func TestMount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status  int // of the answer to a mount
		asked   int // how often for two blobs
		uploads int
	}{
		"taken over":      {http.StatusCreated, 2, 0},
		"not allowed":     {http.StatusForbidden, 1, 2},
		"not known":       {http.StatusMethodNotAllowed, 2, 2},
		"upload in place": {http.StatusAccepted, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, canceled, auth := 0, 0, &tokenAuth{}
			h := serve(t, func(next http.Handler) http.Handler {
				inner := auth.wrap(next)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.URL.Query().Get("mount") != "" && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer"):
						asked++
						w.Header().Set("Location", "/v2/to/blobs/uploads/begun")
						w.WriteHeader(test.status)
						return
					case r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v2/to/blobs/"):
						w.WriteHeader(http.StatusNotFound) // this registry has its blobs in one place for all
						return
					case r.Method == http.MethodDelete:
						canceled++
						return
					}
					inner.ServeHTTP(w, r)
				})
			})
			c := NewClient(Options{})
			from := open(t, c, h.ref("from"), Access{Push: true})
			made := push(t, from)
			to := open(t, c, h.ref("to"), Access{Push: true, Mount: "from"})
			h.take()
			blobs := []pushed{made, push(t, from)}
			h.take()
			for _, p := range blobs {
				if err := to.PushBlob(t.Context(), p.layer, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p.content)), nil }); err != nil {
					t.Fatal(err)
				}
				if got, err := readBlob(t.Context(), to, p.layer); err != nil || !bytes.Equal(got, p.content) {
					t.Errorf("got %d bytes, %v", len(got), err)
				}
			}
			uploads := 0
			for _, r := range h.take() {
				if strings.HasPrefix(r, "PATCH ") {
					uploads++
				}
			}
			if asked != test.asked || uploads != test.uploads {
				t.Errorf("%d mounts and %d uploads, want %d and %d", asked, uploads, test.asked, test.uploads)
			}
			if test.status == http.StatusAccepted && canceled != 2 {
				t.Errorf("%d uploads that nobody goes on with were ended", canceled)
			}
			if !slices.Contains(auth.scopes, "repository:to:push,pull") {
				t.Errorf("scopes were %q", auth.scopes)
			}
		})
	}
}
