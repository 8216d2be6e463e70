package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// numbered is a list of n members; each one's digest is that of its number.
func numbered(n int) []ocispec.Descriptor {
	all := make([]ocispec.Descriptor, n)
	for i := range all {
		all[i] = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString(fmt.Sprint(i)), Size: 1}
	}
	return all
}

func indexText(t testing.TB, members []ocispec.Descriptor) []byte {
	t.Helper()
	raw, err := json.Marshal(ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: members})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func sendIndex(text []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
		_, _ = w.Write(text)
	}
}

// under has text under a tag, whatever the registry has.
func under(tag string, text []byte) func(http.Handler) http.Handler {
	d := digest.FromBytes(text)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/manifests/"+tag) && !strings.HasSuffix(r.URL.Path, d.String()) {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Docker-Content-Digest", d.String())
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
			sendIndex(text)(w, r)
		})
	}
}

// A list says that it is cut where there are more, and not where that is all; under a fallback tag what was added last is kept.
func TestReferrersUpToALimit(t *testing.T) {
	t.Parallel()
	const limit = 5
	for _, n := range []int{0, 1, limit - 1, limit, limit + 1, 3*limit + 2} {
		for _, tagged := range []bool{true, false} {
			t.Run(fmt.Sprint(n, tagged), func(t *testing.T) {
				t.Parallel()
				subject, all := digest.FromString("subject"), numbered(n)
				text := indexText(t, all)
				want := all[:min(n, limit)]
				middleware := intercept(http.MethodGet, "/referrers/", always, sendIndex(text))
				if tagged {
					middleware = under(FallbackTag(subject), text)
					want = all[max(0, n-limit):]
				}
				host := serve(t, middleware)
				r := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
				list, cut, err := r.Referrers(t.Context(), subject, limit)
				same := func(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest }
				if err != nil || cut != (n > limit) || !slices.EqualFunc(list, want, same) {
					t.Errorf("got %v, %v, %v; want %v", list, cut, err, want)
				}
			})
		}
	}
}

// The pages of a list are bounded together, and what was read of them counts.
func TestReferrersOfManyBytes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		page     int // bytes of each
		requests int
	}{"one page": {artifact.MaxManifest + 1, 1}, "several pages": {artifact.MaxManifest / 3, 4}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := func(w http.ResponseWriter, r *http.Request) {
				member := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString(r.URL.RawQuery), Size: 1}
				large := member
				large.Annotations = map[string]string{"text": strings.Repeat("x", tc.page)}
				w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
				w.Header().Set("Link", fmt.Sprintf(`<%s?n=%sx>; rel="next"`, r.URL.Path, r.URL.Query().Get("n")))
				_ = json.NewEncoder(w).Encode(ocispec.Index{Manifests: []ocispec.Descriptor{member, large}})
			}
			host := serve(t, intercept(http.MethodGet, "/referrers/", always, answer))
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
			list, cut, err := r.Referrers(t.Context(), digest.FromString("x"), 1000)
			if err != nil || !cut || len(list) == 0 {
				t.Errorf("got %d members, %t, %v", len(list), cut, err)
			}
			asked := slices.DeleteFunc(host.take(), func(s string) bool { return !strings.Contains(s, "/referrers/") })
			if len(asked) > tc.requests {
				t.Errorf("%d requests, want %d", len(asked), tc.requests)
			}
		})
	}
}

// Where nothing that is of use was read of a list that goes on, it is not taken for an empty one.
func TestReferrersBehindJunk(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"many members":   `{"manifests":[` + strings.Repeat(`{},`, maxMembers) + `{}]}`,
		"a large member": `{"manifests":[{"data":"` + strings.Repeat("A", artifact.MaxManifest) + `"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(http.MethodGet, "/referrers/", always, sendIndex([]byte(text))))
			list, cut, err := open(t, NewClient(Options{}), host.ref("org/app"), Access{}).Referrers(t.Context(), digest.FromString("x"), 10)
			if len(list) > 0 || !cut || err != nil {
				t.Errorf("got %v, %t, %v", list, cut, err)
			}
		})
	}
}

// What is no index is nothing that a member could be added to.
func TestIncludeInWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"schemaVersion":2,"config":{},"layers":[]}`, `{"mediaType":"` + artifact.ManifestDocker + `"}`, `[]`, `"x"`, ``, `{"manifests":{}}`,
	} {
		if _, raw, err := include([]byte(text), numbered(1)[0]); err == nil || raw != nil {
			t.Errorf("%s becomes %s", text, raw)
		}
	}
}

// Whatever is in a list, reading it takes memory that is no large multiple of it.
func TestMemoryOfLists(t *testing.T) { //nolint:paralleltest // it measures what is allocated
	filled := func(before, part, after string) []byte {
		return []byte(before + strings.Repeat(part+",", (artifact.MaxManifest-len(before+part+after))/(len(part)+1)) + part + after)
	}
	member := `{"mediaType":"a","digest":"` + digest.FromString("x").String() + `","size":1,`
	for name, raw := range map[string][]byte{
		"empty members":       filled(`{"schemaVersion":2,"manifests":[`, `{}`, `]}`),
		"numbers":             filled(`{"schemaVersion":2,"manifests":[`, `1`, `]}`),
		"platforms":           filled(`{"schemaVersion":2,"manifests":[`, `{"platform":{}}`, `]}`),
		"members":             filled(`{"schemaVersion":2,"manifests":[`, member+`"platform":{}}`, `]}`),
		"urls of a member":    filled(`{"schemaVersion":2,"manifests":[`+member+`"urls":[`, `""`, `]}]}`),
		"layers":              filled(`{"schemaVersion":2,"layers":[`, `{}`, `]}`),
		"annotations":         filled(`{"schemaVersion":2,"annotations":{`, `"":""`, `}}`),
		"lists in each other": []byte(strings.Repeat(`[`, artifact.MaxManifest)),
	} {
		t.Run(name, func(t *testing.T) {
			for reader, read := range map[string]func(){
				"referrers": func() { _, _ = eachMember(raw, func(ocispec.Descriptor) bool { return true }) },
				"include":   func() { _, _, _ = include(raw, ocispec.Descriptor{Digest: digest.FromString("y")}) },
				"manifest":  func() { _, _ = artifact.ParseManifest(raw) },
				"index":     func() { _, _ = artifact.ParseIndex(raw) },
				"tags":      func() { _, _ = appendTags(nil, raw) },
			} {
				if n := allocated(read); n > 8*artifact.MaxManifest {
					t.Errorf("%s: %d MiB for %d bytes", reader, n>>20, len(raw))
				}
			}
		})
	}
}

// allocated is in bytes. Nothing else may run meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzEachMember(f *testing.F) {
	f.Add(indexText(f, numbered(3)))
	f.Add([]byte(`{"manifests":null,"a":[{"manifests":[]}],"manifests":[{},1,null,"x",{"digest":"sha256:1"}]}`))
	f.Add([]byte(`{"manifests":[{"digest":`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := 0
		more, err := eachMember(raw, func(d ocispec.Descriptor) bool {
			if err := d.Digest.Validate(); err != nil || d.Size < 0 {
				t.Errorf("visited %v: %v", d, err)
			}
			n++
			return n < 2
		})
		if n > 2 || more && err != nil {
			t.Errorf("%d members, %t, %v", n, more, err)
		}
		var index ocispec.Index
		if err == nil && !more && json.Unmarshal(raw, &index) == nil && n > len(index.Manifests) && len(index.Manifests) > 0 {
			t.Errorf("%d members of %d", n, len(index.Manifests))
		}
	})
}
