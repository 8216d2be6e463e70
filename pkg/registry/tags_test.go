package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tagPages serves pages of tags; Link says where the next one is, %s standing for the registry's host.
func tagPages(link string, page func(number int) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if body := page(number); body != "" {
			w.Header().Set("Link", strings.NewReplacer("HOST", r.Host, "NEXT", strconv.Itoa(number+1)).Replace(link))
			fmt.Fprint(w, body)
		} else {
			fmt.Fprint(w, `{"tags":["last"]}`)
		}
	})
}

// The session alone knows which scheme a registry speaks; no page may be lost over it.
func TestTagPages(t *testing.T) {
	t.Parallel()
	for _, link := range []string{`<?page=NEXT>; rel="next"`, `</v2/org/app/tags/list?page=NEXT>; rel="next"`, `<http://HOST/v2/org/app/tags/list?page=NEXT>`} {
		for name, start := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
			t.Run(name+" "+link, func(t *testing.T) {
				t.Parallel()
				s := start(tagPages(link, func(number int) string {
					return []string{`{"tags":["first","no tag"]}`, `{"tags":null}`, ""}[number]
				}))
				t.Cleanup(s.Close)
				ref := Reference{Registry: s.Listener.Addr().String(), Repository: "org/app"}
				got, err := open(t, NewClient(Options{}), ref, Access{Insecure: true}).Tags(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{"first", "last"}, got); diff != "" {
					t.Errorf("tags (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestHostileTagLists(t *testing.T) {
	t.Parallel()
	const next = `<?page=NEXT>; rel="next"`
	empty := func(int) string { return `{"tags":[]}` }
	many := `{"tags":["v` + strings.Repeat(`","v`, 9_999) + `"]}`
	for title, tc := range map[string]struct {
		link string
		page func(int) string
		want string
	}{
		"link to itself":     {`</v2/org/app/tags/list?page=1>`, empty, "the same page"},
		"pages without end":  {next, empty, "more than 1000 pages"},
		"tags without end":   {next, func(int) string { return many }, "more than 100000"},
		"large tags":         {next, func(int) string { return `{"tags":["` + strings.Repeat("a", 4<<20-100) + `"]}` }, "more than 33554432 bytes"},
		"link elsewhere":     {`<https://elsewhere.example.com/>`, empty, `another host, "elsewhere.example.com"`},
		"link that is none":  {`page 2`, empty, "is none"},
		"answer is not JSON": {next, func(int) string { return "<html>" }, "parse answer"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(http.Handler) http.Handler { return tagPages(tc.link, tc.page) })
			_, err := open(t, NewClient(Options{}), host.ref("org/app"), Access{}).Tags(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
