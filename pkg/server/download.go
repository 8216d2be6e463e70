package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	response := &response{ResponseWriter: w, control: http.NewResponseController(w), stall: s.stall(), status: http.StatusOK}
	if r.ContentLength != 0 {
		_ = response.control.SetReadDeadline(start) // nobody waits for a body that nobody reads
	}
	s.answer(response, r)
	s.log().DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", response.status,
		"bytes", response.written, "duration", time.Since(start), "from", r.RemoteAddr)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.EscapedPath() == "/" {
		return // 200 and nothing: what Flux's own Deployment probes for readiness
	}
	key, d, err := requested(r.URL)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	blob, entry, err := s.find(r, key, d)
	_, refused := errors.AsType[*refillError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.NotFound(w, r)
	case refused:
		unavailable(w)
	case err != nil:
		s.log().ErrorContext(r.Context(), "cannot serve", "object", key.String(), "digest", string(d), "error", err)
		http.Error(w, "internal server error", http.StatusInternalServerError)
	default:
		defer blob.Close()
		header := w.Header()
		header.Set("Content-Type", "application/gzip")
		header.Set("Etag", fmt.Sprintf("%q", entry.Digest))
		header.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", entry.Modified, blob)
	}
}

// find opens what is asked for, and has it put back first where the store lacks it.
func (s *Server) find(r *http.Request, key store.Key, d digest.Digest) (*store.Blob, store.Entry, error) {
	blob, entry, err := s.open(key, d)
	if !errors.Is(err, fs.ErrNotExist) || s.Refill == nil || r.Header.Get(replicaHeader) != "" {
		return blob, entry, err
	}
	if err := s.refill(r.Context(), missing{key, d}); err != nil {
		return nil, store.Entry{}, &refillError{err}
	}
	blob, entry, err = s.open(key, d)
	if errors.Is(err, fs.ErrNotExist) {
		err = &refillError{errGoneAgain}
	}
	return blob, entry, err
}

// open is the one place where downloads come from. Without a digest it opens the latest entry.
func (s *Server) open(key store.Key, d digest.Digest) (*store.Blob, store.Entry, error) {
	if d == "" {
		latest, err := s.Store.Latest(key)
		if err != nil {
			return nil, store.Entry{}, err
		}
		d = latest.Digest
	}
	return s.Store.Open(key, d)
}

// requested reads the path as it was sent, so that an encoded dot or slash is none. Some clients encode the colon.
func requested(u *url.URL) (store.Key, digest.Digest, error) {
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	return store.ParsePath(strings.NewReplacer("%3A", ":", "%3a", ":").Replace(path))
}
