package registry

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Whose fault it is that a blob has another size than its descriptor says: a descriptor that lies is of no use however often it is fetched; a
// registry that sends something else may send the right thing the next time.
func TestBlobsOfAnotherSize(t *testing.T) {
	t.Parallel()
	sending := func(change func([]byte) []byte) func([]byte) http.HandlerFunc {
		return func(content []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(change(content)) }
		}
	}
	page := bytes.Repeat([]byte("<p>"), 10_000)
	for name, tc := range map[string]struct {
		says     int64 // more than there is
		answer   func([]byte) http.HandlerFunc
		unusable bool
		other    bool // a DigestError
	}{
		"descriptor says one less":      {says: -1, unusable: true},
		"descriptor says one more":      {says: 1, unusable: true},
		"descriptor says nothing":       {says: -4096, unusable: true},
		"registry sends one less":       {answer: sending(func(b []byte) []byte { return b[1:] })},
		"registry sends one more":       {answer: sending(func(b []byte) []byte { return append(slices.Clip(b), 0) }), other: true},
		"registry sends a page":         {answer: sending(func([]byte) []byte { return page }), other: true},
		"registry sends a flipped bit":  {answer: sending(func(b []byte) []byte { return append([]byte{b[0] ^ 1}, b[1:]...) }), other: true},
		"registry sends nothing":        {answer: sending(func([]byte) []byte { return nil })},
		"registry fails":                {answer: func([]byte) http.HandlerFunc { return status405 }},
		"blob is larger than we follow": {answer: func([]byte) http.HandlerFunc { return endless }, unusable: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answer http.HandlerFunc
			host := serve(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if answer != nil && r.Method == http.MethodGet {
						answer(w, r)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
			p := push(t, r)
			if tc.answer != nil {
				answer = tc.answer(p.content)
			}
			p.layer.Size += tc.says
			raw, err := readBlob(t.Context(), r, p.layer)
			_, other := errors.AsType[*DigestError](err)
			if err == nil || isUnusable(err) != tc.unusable || other != tc.other || int64(len(raw)) > max(p.layer.Size, 0) {
				t.Errorf("got %d bytes, %v", len(raw), err)
			}
			err = r.CopyBlob(t.Context(), p.layer, func() io.Writer { return io.Discard })
			if err == nil || isUnusable(err) != tc.unusable {
				t.Errorf("copied: %v", err)
			}
		})
	}
}

// endless is a body that never ends.
func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
	for chunk := bytes.Repeat([]byte(" "), 1<<16); r.Context().Err() == nil; {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// A manifest that is larger than it says is of no use; an error without end says nothing of it.
func TestEndlessManifests(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status   int
		unusable bool
	}{"manifest": {http.StatusOK, true}, "error": {http.StatusInternalServerError, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(tc.status)
				endless(w, r)
			}
			host := serve(t, intercept(http.MethodGet, "/manifests/", always, answer))
			r := open(t, NewClient(Options{}), host.ref("org/app"), Access{Push: true})
			if _, _, err := r.Manifest(t.Context(), push(t, r).manifest); err == nil || isUnusable(err) != tc.unusable {
				t.Errorf("got %v", err)
			}
		})
	}
}
