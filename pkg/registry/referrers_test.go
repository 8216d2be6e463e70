package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

const kind = "application/vnd.example.note"

// referrer is a manifest with a subject; no two with different text are equal.
func referrer(t testing.TB, r *Repository, subject ocispec.Descriptor, text string) (ocispec.Descriptor, []byte) {
	t.Helper()
	config := ocispec.DescriptorEmptyJSON
	err := r.PushBlob(t.Context(), config, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(config.Data)), nil })
	if err != nil {
		t.Fatal(err)
	}
	config.Data = nil
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: kind, Config: config, Layers: []ocispec.Descriptor{config},
		Subject: &subject, Annotations: map[string]string{"text": text},
	}
	m.SchemaVersion = 2
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}, raw
}

func attach(t testing.TB, r *Repository, subject ocispec.Descriptor, text string) ocispec.Descriptor {
	t.Helper()
	d, raw := referrer(t, r, subject, text)
	if err := r.PushReferrer(t.Context(), d, raw); err != nil {
		t.Fatal(err)
	}
	return d
}

// listing is a registry that lists referrers, and says so where it is told to.
func listing(says bool) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		inner := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)), ggcr.WithReferrersSupport(true))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if says && r.Method == http.MethodPut {
				w.Header().Set("OCI-Subject", "sha256:of-some")
			}
			inner.ServeHTTP(w, r)
		})
	}
}

func digests(list []ocispec.Descriptor) []string {
	var all []string
	for _, d := range list {
		all = append(all, d.Digest.String())
	}
	slices.Sort(all)
	return all
}

func TestReferrers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		middleware func(http.Handler) http.Handler
		tagged     bool // the fallback tag is written
	}{
		"registry that keeps no list":      {nil, true},
		"registry that does not say it":    {listing(false), true},
		"registry that keeps a list":       {listing(true), false},
		"registry that answers with HTML":  {intercept(http.MethodGet, "/referrers/", always, html), true},
		"registry that refuses the method": {intercept(http.MethodGet, "/referrers/", always, status405), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, tc.middleware)
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
			subject := push(t, r).manifest
			if list, cut, err := r.Referrers(t.Context(), subject.Digest, 10); len(list) > 0 || cut || err != nil {
				t.Fatalf("of an artifact nobody refers to: %v, %v, %v", list, cut, err)
			}
			want := []ocispec.Descriptor{attach(t, r, subject, "one"), attach(t, r, subject, "two"), attach(t, r, subject, "two")}
			list, cut, err := r.Referrers(t.Context(), subject.Digest, 10)
			if err != nil || cut || !slices.Equal(digests(list), digests(want[:2])) {
				t.Errorf("got %v, %v, %v; want %v", list, cut, err, want[:2])
			}
			if len(list) > 0 && (tc.tagged && list[0].ArtifactType != kind && name == "registry that keeps no list" || list[0].Annotations["text"] == "") {
				t.Errorf("a member without its type and annotations: %+v", list[0])
			}
			if list, cut, err := r.Referrers(t.Context(), subject.Digest, 1); len(list) != 1 || !cut || err != nil {
				t.Errorf("one at most: %v, %v, %v", list, cut, err)
			}
			_, err = r.Resolve(t.Context(), FallbackTag(subject.Digest))
			if IsNotFound(err) == tc.tagged {
				t.Errorf("the fallback tag: %v", err)
			}
		})
	}
}

func html(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }

// pages answers with pages of size members each, without end.
func pages(size int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
		for i := range size {
			d := digest.FromString(r.URL.RawQuery + fmt.Sprint(i))
			index.Manifests = append(index.Manifests, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: d, Size: 1})
		}
		w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
		w.Header().Set("Link", fmt.Sprintf(`<%s?n=%sx>; rel="next"`, r.URL.Path, r.URL.Query().Get("n")))
		_ = json.NewEncoder(w).Encode(index)
	}
}

func TestReferrersWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"members": 10, "empty pages": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(http.MethodGet, "/referrers/", always, pages(size)))
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
			list, cut, err := r.Referrers(t.Context(), digest.FromString("x"), 25)
			if err != nil || len(list) != min(25, 25*size) || size > 0 && !cut {
				t.Errorf("got %d members, %v, %v", len(list), cut, err)
			}
			if n := len(host.take()); n > maxReferrerPages+4 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestReferrersThatCannotBeHad(t *testing.T) {
	t.Parallel()
	index := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
			fmt.Fprint(w, text)
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"registry fails": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"forbidden":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"no JSON":        index("{"),
		"no list":        index(`{"manifests":{}}`),
		"cut short":      index(`{"manifests":[`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(http.MethodGet, "/referrers/", always, answer))
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{})
			list, _, err := r.Referrers(t.Context(), digest.FromString("x"), 25)
			if err == nil || !strings.Contains(err.Error(), "list referrers of") {
				t.Errorf("got %v, %v", list, err)
			}
		})
	}
}

func membersOf(raw []byte) (list []ocispec.Descriptor, err error) {
	_, err = eachMember(raw, func(d ocispec.Descriptor) bool { list = append(list, d); return true })
	return list, err
}

// A member that nobody can fetch hides no other.
func TestReferrersLeaveOutWhatIsNone(t *testing.T) {
	t.Parallel()
	good := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("x"), Size: 1}
	long, negative, garbled := good, good, good
	long.Digest, negative.Size, garbled.Digest = digest.SHA512.FromString("x"), -1, "sha256:0"
	raw, err := json.Marshal(ocispec.Index{Manifests: []ocispec.Descriptor{long, negative, garbled, good}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := membersOf(raw)
	if err != nil || !slices.Equal(digests(list), digests([]ocispec.Descriptor{good})) {
		t.Errorf("got %v, %v", list, err)
	}
	_, raw, err = include(raw, ocispec.Descriptor{MediaType: good.MediaType, Digest: digest.FromString("y"), Size: 1})
	if err != nil || !bytes.Contains(raw, []byte(long.Digest)) {
		t.Errorf("what we cannot use is dropped for all: %s, %v", raw, err)
	}
}

func TestReferrersUnderATagOfGarbage(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
	garbage := []byte(`{"manifests": "garbage"}`)
	subject := digest.FromString("x")
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(garbage), Size: int64(len(garbage))}
	if err := r.PushManifest(t.Context(), FallbackTag(subject), d, garbage); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Referrers(t.Context(), subject, 10); !isUnusable(err) {
		t.Errorf("got %v", err)
	}
}

func isUnusable(err error) bool { _, ok := errors.AsType[*UnusableError](err); return ok }

func TestPushReferrerWithoutSubject(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
	p := push(t, r)
	if err := r.PushReferrer(t.Context(), p.manifest, p.raw); err == nil || !strings.Contains(err.Error(), "no subject") {
		t.Errorf("got %v", err)
	}
}

// Tools that copy artifacts have given the fallback tag to the copy itself. That is no list, and nothing is lost when one takes its place;
// something else stays where it is.
func TestPushReferrerWhereTheTagNamesNoList(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
	p, other := push(t, r), push(t, r)
	tag := FallbackTag(p.manifest.Digest)
	if err := r.PushManifest(t.Context(), tag, other.manifest, other.raw); err != nil {
		t.Fatal(err)
	}
	d, raw := referrer(t, r, p.manifest, "a note")
	if err := r.PushReferrer(t.Context(), d, raw); err == nil || !strings.Contains(err.Error(), tag) || !strings.Contains(err.Error(), "no index of referrers") {
		t.Errorf("got %v", err)
	}
	if err := r.PushManifest(t.Context(), tag, p.manifest, p.raw); err != nil {
		t.Fatal(err)
	}
	if err := r.PushReferrer(t.Context(), d, raw); err != nil {
		t.Fatal(err)
	}
	list, _, err := r.Referrers(t.Context(), p.manifest.Digest, 10)
	if err != nil || !slices.Equal(digests(list), []string{d.Digest.String()}) {
		t.Errorf("got %v, %v", list, err)
	}
}

// late makes each request take up to so long before the registry sees it.
func late(longest time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = sleep(r.Context(), rand.N(longest))
			next.ServeHTTP(w, r)
		})
	}
}

// Of those who write at the same time, each finds its own in the list who was told so.
func TestReferrersOfSeveralWriters(t *testing.T) {
	t.Parallel()
	for round := range 8 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			host := serve(t, late(20*time.Millisecond))
			c := NewClient(Options{})
			r := open(t, c, host.ref("org/app"), Access{Push: true})
			subject := push(t, r).manifest
			var want []ocispec.Descriptor
			var group sync.WaitGroup
			for i := range 3 {
				d, raw := referrer(t, r, subject, fmt.Sprint(i))
				want = append(want, d)
				group.Go(func() {
					if err := r.PushReferrer(t.Context(), d, raw); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			list, _, err := r.Referrers(t.Context(), subject.Digest, 10)
			if err != nil || !slices.Equal(digests(list), digests(want)) {
				t.Errorf("got %v, %v; want %v", digests(list), err, digests(want))
			}
		})
	}
}

// stealing lets somebody else's writing of a tag take the place of ours, as often as times says.
type stealing struct {
	inner http.Handler
	tag   string
	mu    sync.Mutex
	times int
	first []byte // the body that came before ours
}

func (s *stealing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/"+s.tag) {
		s.inner.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inner.ServeHTTP(w, r)
	if s.times--; s.times < 0 {
		return
	}
	again := httptest.NewRequestWithContext(r.Context(), http.MethodPut, r.URL.Path, bytes.NewReader(s.first))
	again.Header.Set("Content-Type", ocispec.MediaTypeImageIndex)
	s.inner.ServeHTTP(httptest.NewRecorder(), again)
}

func TestAmendAgainstOthers(t *testing.T) {
	t.Parallel()
	// The last writing counts, too: it is looked at.
	for times, want := range map[int]int{0: 1, 1: 2, 3: 2, maxAmends - 1: 2, maxAmends: -1, always: -1} {
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			t.Parallel()
			s := &stealing{tag: "list", times: times}
			host := serve(t, func(next http.Handler) http.Handler { s.inner = next; return s })
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
			subject := push(t, r).manifest
			_, theirs, err := include(nil, attach(t, r, subject, "theirs"))
			if err != nil {
				t.Fatal(err)
			}
			s.first = theirs
			ours := attach(t, r, subject, "ours")
			err = r.Amend(t.Context(), "list", func(raw []byte) (ocispec.Descriptor, []byte, error) { return include(raw, ours) })
			if want < 0 {
				if err == nil || !strings.Contains(err.Error(), "others write it") {
					t.Errorf("got %v", err)
				}
				return
			}
			raw, readErr := r.tagged(t.Context(), "list")
			if err != nil || readErr != nil {
				t.Fatal(err, readErr)
			}
			if list, _ := membersOf(raw); len(list) != want {
				t.Errorf("got %v, want %d members", list, want)
			}
		})
	}
}

// Who read before we wrote, and writes when we are done, is noticed.
func TestAmendAgainstSomebodySlow(t *testing.T) {
	t.Parallel()
	var theirs []byte
	written := make(chan struct{}, maxAmends)
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/list") || theirs == nil {
				return
			}
			again := httptest.NewRequestWithContext(context.WithoutCancel(r.Context()), http.MethodPut, r.URL.Path, bytes.NewReader(theirs))
			again.Header.Set("Content-Type", ocispec.MediaTypeImageIndex)
			theirs = nil
			time.AfterFunc(20*time.Millisecond, func() {
				next.ServeHTTP(httptest.NewRecorder(), again)
				written <- struct{}{}
			})
		})
	})
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
	subject := push(t, r).manifest
	ours := attach(t, r, subject, "ours")
	_, text, err := include(nil, attach(t, r, subject, "theirs"))
	if err != nil {
		t.Fatal(err)
	}
	theirs = text
	if err := r.Amend(t.Context(), "list", func(raw []byte) (ocispec.Descriptor, []byte, error) { return include(raw, ours) }); err != nil {
		t.Fatal(err)
	}
	<-written
	raw, err := r.tagged(t.Context(), "list")
	if list, _ := membersOf(raw); err != nil || len(list) != 2 {
		t.Errorf("got %v, %v", list, err)
	}
}

// What is too large for a registry is not written, and what is there stays.
func TestAmendUpToASize(t *testing.T) {
	t.Parallel()
	host := serve(t, nil)
	r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
	for size, want := range map[int]bool{artifact.MaxManifest: true, artifact.MaxManifest + 1: false} {
		tag := fmt.Sprint(size)
		err := r.Amend(t.Context(), tag, func(raw []byte) (ocispec.Descriptor, []byte, error) {
			if raw != nil {
				return ocispec.Descriptor{}, nil, nil
			}
			text := []byte(`{"schemaVersion":2,"a":"` + strings.Repeat("x", size-len(`{"schemaVersion":2,"a":""}`)) + `"}`)
			return ocispec.Descriptor{MediaType: artifact.ManifestOCI, Digest: digest.FromBytes(text), Size: int64(len(text))}, text, nil
		})
		if want != (err == nil) || !want && !strings.Contains(err.Error(), "more than") {
			t.Errorf("%d bytes: %v", size, err)
		}
		if _, err := r.Resolve(t.Context(), tag); IsNotFound(err) == want {
			t.Errorf("%d bytes: there: %v", size, err)
		}
	}
}
