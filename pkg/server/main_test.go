package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/pkg/server"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

var web, db = store.Key{Namespace: "apps", Name: "web"}, store.Key{Namespace: "apps", Name: "db"}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t testing.TB, s *store.Store, key store.Key, body []byte) store.Entry {
	t.Helper()
	entry, err := s.Put(key, func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

// serve runs the server on a loopback port until the test ends, and returns its address.
func serve(t testing.TB, s *server.Server) string {
	t.Helper()
	address, stop := start(t, s)
	t.Cleanup(func() { stop() })
	return address
}

// start runs the server; stop tells it to stop and waits until it has.
func start(t testing.TB, s *server.Server) (address string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	return listener.Addr().String(), func() error {
		cancel()
		return <-ended
	}
}

func get(t testing.TB, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	return request(t, http.MethodGet, url, headers...)
}

func request(t testing.TB, method, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

func gzipped(t testing.TB, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func randomBytes(size int) []byte {
	body := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(body)
	return body
}

// records is a log whose records arrive on a channel.
type records chan slog.Record

func (records) Enabled(context.Context, slog.Level) bool { return true }

func (c records) Handle(_ context.Context, r slog.Record) error {
	c <- r
	return nil
}

func (c records) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c records) WithGroup(string) slog.Handler      { return c }

func attribute(r slog.Record, name string) slog.Value {
	var value slog.Value
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == name {
			value = a.Value
		}
		return true
	})
	return value
}
