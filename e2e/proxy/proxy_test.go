package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

// body is what the backend of these tests answers to every GET.
var body = strings.Repeat("0123456789abcdef", 4<<10)

// backend answers as a registry does, in length and method, and counts the bytes that reach it.
type backend struct{ received atomic.Int64 }

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	b.received.Add(n)
	if r.Method == http.MethodGet {
		http.ServeContent(w, r, "", epoch, strings.NewReader(body))
	}
}

// bed is a served proxy with a client of its own.
type bed struct {
	*proxy.Proxy
	backend *backend
	client  *http.Client
	url     string
}

func serve(t *testing.T, next http.Handler, secure, http2 bool) *bed {
	t.Helper()
	b := &bed{backend: &backend{}}
	if next == nil {
		next = b.backend
	}
	b.Proxy = proxy.New(next)
	transport := &http.Transport{ForceAttemptHTTP2: http2}
	b.client, b.url = &http.Client{Transport: transport}, "http://"
	var certificate *tls.Certificate
	if secure {
		certificate, transport.TLSClientConfig = secrets(t)
		b.url = "https://"
	}
	server, err := b.Serve(t.Context(), certificate, http2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	b.url += server.Addr
	return b
}

func secrets(t *testing.T) (*tls.Certificate, *tls.Config) {
	t.Helper()
	ca, err := pki.NewCA("test")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(pki.Subject{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := pair.TLS()
	if err != nil {
		t.Fatal(err)
	}
	return &certificate, &tls.Config{RootCAs: ca.Pool()}
}

// do sends a request and returns the answer with all of the body that came.
func (b *bed) do(t *testing.T, method, path string, content io.Reader) (*http.Response, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.url+path, content)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	return response, string(got), err
}

// must is do where nothing may go wrong.
func (b *bed) must(t *testing.T, method, path string, content io.Reader) (*http.Response, string) {
	t.Helper()
	response, got, err := b.do(t, method, path, content)
	if err != nil {
		t.Fatal(err)
	}
	return response, got
}

func TestCounts(t *testing.T) {
	t.Parallel()
	b := serve(t, nil, true, false)
	b.must(t, "GET", "/v2/", nil)
	before := b.Counts()
	b.must(t, "HEAD", "/v2/a/manifests/latest", nil)
	b.must(t, "HEAD", "/v2/a/manifests/latest", nil)
	b.must(t, "GET", "/v2/a/blobs/sha256:00", nil)
	b.must(t, "PUT", "/v2/a/blobs/uploads/1?digest=x", strings.NewReader("twelve bytes"))
	want := proxy.Counts{
		Requests:  map[string]int{"HEAD manifest": 2, "GET blob": 1, "PUT upload": 1},
		Responses: map[int]int{200: 4},
		Received:  12,
		Sent:      int64(len(body)),
	}
	got := b.Counts().Sub(before)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if got.Of("", proxy.Manifest) != 2 || got.Of("GET", "") != 1 || got.Of("PUT", proxy.Blob) != 0 || got.Of("", "") != 4 {
		t.Errorf("Of disagrees with %v", got)
	}
}

func TestCountsConnections(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, nil, secure, false)
			for range 3 {
				b.must(t, "GET", "/v2/", nil)
			}
			b.client.CloseIdleConnections()
			b.must(t, "GET", "/v2/", nil)
			handshakes := 0
			if secure {
				handshakes = 2
			}
			if c := b.Counts(); c.Connections != 2 || c.Handshakes != handshakes {
				t.Errorf("got %v, want 2 connections and %d handshakes", c, handshakes)
			}
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	b := serve(t, nil, false, false)
	seen := make(chan error, 1)
	go func() {
		_, err := b.Wait(t.Context(), func(c proxy.Counts) bool { return c.Of("GET", proxy.Ping) == 2 })
		seen <- err
	}()
	b.must(t, "GET", "/v2/", nil)
	b.must(t, "GET", "/v2/", nil)
	if err := <-seen; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("had enough"))
	if _, err := b.Wait(ctx, func(proxy.Counts) bool { return false }); err == nil || !strings.Contains(err.Error(), "had enough") {
		t.Errorf("got %v, want the cause of the context's end", err)
	}
}

// A proxy that keeps a body in memory, or until its end, deadlocks here: each side sends its second part when the other has
// seen the first.
func TestBodiesPassAsTheyCome(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	b := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 5)
		io.ReadFull(r.Body, first)
		control := http.NewResponseController(w)
		control.EnableFullDuplex()
		w.Write(first)
		control.Flush()
		<-seen
		io.Copy(w, r.Body)
	}), false, false)
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), "POST", b.url+"/v2/a/blobs/uploads/", reader)
	if err != nil {
		t.Fatal(err)
	}
	go writer.Write([]byte("hello"))
	response, err := b.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, first); err != nil {
		t.Fatal(err)
	}
	close(seen)
	go func() {
		writer.Write([]byte(" world"))
		writer.Close()
	}()
	rest, err := io.ReadAll(response.Body)
	if err != nil || string(first)+string(rest) != "hello world" {
		t.Errorf("got %q and %v, want the whole greeting", string(first)+string(rest), err)
	}
}

func TestUnharmedWithoutFault(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"http/1.1": false, "http/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, nil, true, http2)
			response, got := b.must(t, "GET", "/v2/a/blobs/sha256:00", nil)
			if got != body || (response.ProtoMajor == 2) != http2 {
				t.Errorf("got %d bytes over %s, want %d unchanged", len(got), response.Proto, len(body))
			}
			b.must(t, "PUT", "/v2/a/blobs/uploads/1", bytes.NewReader(make([]byte, 1<<20)))
			if n := b.backend.received.Load(); n != 1<<20 {
				t.Errorf("backend received %d bytes, want all", n)
			}
		})
	}
}
