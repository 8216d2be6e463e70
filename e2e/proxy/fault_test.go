package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

var epoch = time.Unix(0, 0)

func TestFaultStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 401, 403, 404, 405, 429, 500, 503} {
		b := serve(t, nil, false, false)
		b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		b.During(t, proxy.Fault{Status: status, Header: http.Header{"Retry-After": {"2"}}})
		for _, method := range []string{"GET", "HEAD", "PUT"} {
			response, got := b.must(t, method, "/v2/a/manifests/latest", nil)
			if response.StatusCode != status || response.Header.Get("Retry-After") != "2" {
				t.Errorf("%s: got %s with %v, want %d with Retry-After", method, response.Status, response.Header, status)
			}
			if wantBody := method != "HEAD" && status >= 400; (got != "") != wantBody {
				t.Errorf("%s: got body %q", method, got)
			}
		}
		if diff := cmp.Diff(map[int]int{status: 3}, b.Counts().Responses); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
	}
}

// Something else is sent, under the headers that are asked for.
func TestFaultInstead(t *testing.T) {
	t.Parallel()
	paths := make(chan string, 1)
	b := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, r.URL.Path)
		paths <- r.URL.Path
	}), false, false)
	b.During(t, proxy.Fault{Instead: "/v2/a/manifests/other", Header: http.Header{"Content-Type": {"text/html"}}})
	response, got := b.must(t, "GET", "/v2/a/manifests/latest", nil)
	if asked := <-paths; got != asked || asked != "/v2/a/manifests/other" || response.Header.Get("Content-Type") != "text/html" {
		t.Errorf("asked for %q, got %q with %v", asked, got, response.Header)
	}
}

func TestFaultMatches(t *testing.T) {
	t.Parallel()
	b := serve(t, nil, false, false)
	b.During(t, proxy.Fault{Method: "HEAD", Path: regexp.MustCompile("^/v2/a/manifests/"), Status: 405})
	for _, test := range []struct {
		method, path string
		want         int
	}{
		{"HEAD", "/v2/a/manifests/latest", 405},
		{"GET", "/v2/a/manifests/latest", 200},
		{"HEAD", "/v2/b/manifests/latest", 200},
		{"HEAD", "/v2/", 200},
	} {
		if response, _ := b.must(t, test.method, test.path, nil); response.StatusCode != test.want {
			t.Errorf("%s %s: got %s, want %d", test.method, test.path, response.Status, test.want)
		}
	}
}

// Of two faults the older applies until it is used up or removed.
func TestFaultTimesAndOrder(t *testing.T) {
	t.Parallel()
	b := serve(t, nil, false, false)
	first := b.During(t, proxy.Fault{Status: 503, Times: 2})
	second := b.During(t, proxy.Fault{Status: 500})
	var got []int
	for range 3 {
		response, _ := b.must(t, "GET", "/v2/", nil)
		got = append(got, response.StatusCode)
	}
	second.Remove()
	second.Remove()
	response, _ := b.must(t, "GET", "/v2/", nil)
	if diff := cmp.Diff([]int{503, 503, 500, 200}, append(got, response.StatusCode)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if first.Hits() != 2 || second.Hits() != 1 {
		t.Errorf("got %d and %d hits, want 2 and 1", first.Hits(), second.Hits())
	}
	b.Clear()
	if left := b.Faults(); len(left) != 0 {
		t.Errorf("%d faults left", len(left))
	}
}

func TestFaultDelay(t *testing.T) {
	t.Parallel()
	b := serve(t, nil, false, false)
	b.During(t, proxy.Fault{Delay: 30 * time.Millisecond, Times: 1})
	began := time.Now()
	if _, got := b.must(t, "GET", "/v2/a/blobs/sha256:00", nil); got != body || time.Since(began) < 30*time.Millisecond {
		t.Errorf("got %d bytes after %v, want all after 30ms or more", len(got), time.Since(began))
	}
}

// Removing a fault lets a request that waits in it go on.
func TestFaultDelayEndsWithFault(t *testing.T) {
	t.Parallel()
	b := serve(t, nil, false, false)
	fault := b.During(t, proxy.Fault{Delay: time.Hour})
	go func() {
		b.Wait(t.Context(), func(c proxy.Counts) bool { return c.Of("", "") == 1 })
		fault.Remove()
	}()
	if response, _ := b.must(t, "GET", "/v2/", nil); response.StatusCode != http.StatusOK {
		t.Errorf("got %s", response.Status)
	}
}

// Whoever hangs is let go by the client, by the fault's end and by the server's end.
func TestFaultHang(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *bed, f *proxy.Injection, cancel func()){
		"client leaves": func(_ *bed, _ *proxy.Injection, cancel func()) { cancel() },
		"fault removed": func(_ *bed, f *proxy.Injection, _ func()) { f.Remove() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, nil, false, false)
			fault := b.During(t, proxy.Fault{Action: proxy.Hang})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, "PUT", b.url+"/v2/a/manifests/1", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				b.Wait(t.Context(), func(c proxy.Counts) bool { return c.Received == 2 })
				end(b, fault, cancel)
			}()
			if response, err := b.client.Do(request); err == nil {
				t.Errorf("got %s, want no answer", response.Status)
			}
			if c := b.Counts(); len(c.Responses) != 0 {
				t.Errorf("got %v, want no response", c)
			}
		})
	}
}

func TestFaultStall(t *testing.T) {
	t.Parallel()
	for _, at := range []int64{0, 1000, 40_000} {
		b := serve(t, nil, false, false)
		fault := b.During(t, proxy.Fault{Path: regexp.MustCompile("/blobs/"), Action: proxy.Stall, At: at})
		request, err := http.NewRequestWithContext(t.Context(), "GET", b.url+"/v2/a/blobs/sha256:00", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := b.client.Do(request)
		if err != nil {
			t.Fatalf("at %d: no header: %v", at, err)
		}
		defer response.Body.Close()
		got := make([]byte, at)
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != body[:at] {
			t.Errorf("at %d: the bytes before the stall did not come: %v", at, err)
		}
		if response.ContentLength != int64(len(body)) {
			t.Errorf("at %d: content length %d, want %d", at, response.ContentLength, len(body))
		}
		fault.Remove()
		if rest, err := io.ReadAll(response.Body); err == nil || len(rest) > 0 {
			t.Errorf("at %d: got %d more bytes and error %v, want none and one", at, len(rest), err)
		}
	}
}

func TestFaultReset(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		for _, at := range []int64{0, 1000, 40_000} {
			b := serve(t, nil, secure, false)
			b.During(t, proxy.Fault{Action: proxy.Reset, At: at})
			_, got, err := b.do(t, "GET", "/v2/a/blobs/sha256:00", nil)
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s at %d: got %v, want a reset", name, at, err)
			}
			if int64(len(got)) > at || got != body[:len(got)] {
				t.Errorf("%s at %d: got %d bytes", name, at, len(got))
			}
		}
	}
}

func TestFaultResetHTTP2(t *testing.T) {
	t.Parallel()
	b := serve(t, nil, true, true)
	b.During(t, proxy.Fault{Action: proxy.Reset, At: 1000, Times: 1})
	if _, got, err := b.do(t, "GET", "/v2/a/blobs/sha256:00", nil); err == nil || len(got) > 1000 {
		t.Errorf("got %d bytes and error %v, want at most 1000 and one", len(got), err)
	}
	if _, got := b.must(t, "GET", "/v2/a/blobs/sha256:00", nil); got != body {
		t.Errorf("got %d bytes after the reset, want all", len(got))
	}
	if c := b.Counts(); c.Connections != 1 {
		t.Errorf("got %v, want the stream reset and the connection kept", c)
	}
}

func TestFaultResetUpload(t *testing.T) {
	t.Parallel()
	for _, at := range []int64{0, 1000, 400_000} {
		b := serve(t, nil, false, false)
		b.During(t, proxy.Fault{Method: "PUT", Action: proxy.ResetUpload, At: at})
		response, _, err := b.do(t, "PUT", "/v2/a/blobs/uploads/1", bytes.NewReader(make([]byte, 4<<20)))
		if err == nil {
			t.Errorf("at %d: got %s, want no answer", at, response.Status)
		}
		if n := b.Counts().Received; n != at {
			t.Errorf("at %d: %d bytes were passed on", at, n)
		}
	}
}

func TestFaultFlip(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v2/a/blobs/sha256:00", "/v2/a/manifests/latest"} {
		for _, at := range []int64{0, 1000, int64(len(body) - 1)} {
			b := serve(t, nil, false, false)
			b.During(t, proxy.Fault{Action: proxy.Flip, At: at})
			_, got := b.must(t, "GET", path, nil)
			want := []byte(body)
			want[at] ^= 1
			if got != string(want) {
				t.Errorf("%s at %d: the body does not differ in exactly this byte", path, at)
			}
		}
	}
}

func TestInjectRefuses(t *testing.T) {
	t.Parallel()
	p := proxy.New(http.NotFoundHandler())
	for _, f := range []proxy.Fault{
		{Action: "explode"}, {Status: 99}, {Status: 600}, {Status: 500, Action: proxy.Hang},
		{At: -1}, {Times: -1}, {Delay: -1},
	} {
		if _, err := p.Inject(f); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}
