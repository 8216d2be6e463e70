package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"time"
)

// StallError says that a registry stopped moving in the middle of a request, or moves too little to be waited for.
type StallError struct {
	Host  string
	For   time.Duration
	Moved bool // something moved meanwhile, but less than 64 KiB
}

func (e *StallError) Error() string {
	if e.Moved {
		return fmt.Sprintf("registry %q moved less than %d KiB within %s", e.Host, floor>>10, e.For)
	}
	return fmt.Sprintf("registry %q sent nothing for %s", e.Host, e.For)
}

// Timeout makes it a timeout for net.Error's callers.
func (e *StallError) Timeout() bool { return true }

// stallTransport gives up on a request that keeps its caller waiting: no headers come, or a body, of the request or of the response,
// neither ends nor gets ahead by floor bytes for as long as idle. A transfer that is slow but moves may take any time. A place among
// the pooled connections is waited for as long as the request's context allows: that is no fault of the registry.
type stallTransport struct {
	next http.RoundTripper
	idle time.Duration
}

func (t *stallTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	answer := newClock(req.URL.Host, t.idle, cancel)
	req = req.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { answer.rest(0) },
		DNSStart:     func(httptrace.DNSStartInfo) { answer.wait() },
		ConnectStart: func(string, string) { answer.wait() },
		GotConn:      func(httptrace.GotConnInfo) { answer.wait() },
	}))
	watchUpload(req, answer)
	answer.wait()
	resp, err := t.next.RoundTrip(req)
	answer.stop() // whatever the connection still does
	if err != nil {
		cancel()
		return nil, answer.explain(err)
	}
	resp.Body = &watchedDownload{resp.Body, newClock(req.URL.Host, t.idle, cancel)}
	return resp, nil
}

// watchUpload watches the request's body, also when a layer below asks for it again.
func watchUpload(req *http.Request, c *clock) {
	if req.Body == nil {
		return
	}
	req.Body = &watchedUpload{ReadCloser: req.Body, clock: c}
	getBody := req.GetBody
	if getBody == nil {
		return
	}
	req.GetBody = func() (io.ReadCloser, error) {
		body, err := getBody()
		if err != nil {
			return nil, err
		}
		return &watchedUpload{ReadCloser: body, clock: c}, nil
	}
}

// watchedUpload runs the clock except while the body is read: what was read has been taken when the connection asks for more.
type watchedUpload struct {
	io.ReadCloser
	clock *clock
	given int // bytes of the last read
}

func (b *watchedUpload) Read(p []byte) (int, error) {
	b.clock.rest(b.given)
	n, err := b.ReadCloser.Read(p)
	if b.given = n; errors.Is(err, io.EOF) {
		b.clock.rest(floor) // the answer may take its whole time
	}
	b.clock.wait()
	return n, err
}

// watchedDownload runs the clock only while a read waits: a consumer that takes its time is no stall.
type watchedDownload struct {
	io.ReadCloser
	clock *clock
}

func (b *watchedDownload) Read(p []byte) (int, error) {
	b.clock.wait()
	n, err := b.ReadCloser.Read(p)
	b.clock.rest(n)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, b.clock.explain(err)
}

func (b *watchedDownload) Close() error {
	b.clock.stop()
	b.clock.cancel()
	return b.ReadCloser.Close()
}
