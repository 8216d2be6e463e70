package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// StallError says that a registry stopped moving in the middle of a request.
type StallError struct {
	Host string
	For  time.Duration
}

func (e *StallError) Error() string {
	return fmt.Sprintf("registry %q sent nothing for %s", e.Host, e.For)
}

// Timeout makes it a timeout for net.Error's callers.
func (e *StallError) Timeout() bool { return true }

// stallTransport gives up on a request when nothing moves for a while: no byte of the request's body is taken, no headers
// come, or no byte of the response's body. A transfer that is slow but moves may go on for ever.
type stallTransport struct {
	next http.RoundTripper
	idle time.Duration
}

func (t *stallTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	w := &watched{cancel: cancel, idle: t.idle, host: req.URL.Host}
	w.timer = time.AfterFunc(t.idle, w.stall)
	req = req.Clone(ctx)
	w.watchUpload(req)
	resp, err := t.next.RoundTrip(req)
	w.timer.Stop()
	if err != nil {
		cancel()
		return nil, w.explain(err)
	}
	resp.Body = &watchedDownload{ReadCloser: resp.Body, watched: w}
	return resp, nil
}

// watched is one request and the clock that may end it.
type watched struct {
	cancel  context.CancelFunc
	timer   *time.Timer
	idle    time.Duration
	host    string
	stalled atomic.Bool // tells a stall from the caller's own cancelling
}

func (w *watched) stall() {
	w.stalled.Store(true)
	w.cancel()
}

func (w *watched) explain(err error) error {
	if w.stalled.Load() {
		return &StallError{Host: w.host, For: w.idle}
	}
	return err
}

// watchUpload watches the request's body, also when a layer below asks for it again.
func (w *watched) watchUpload(req *http.Request) {
	if req.Body == nil {
		return
	}
	req.Body = &watchedUpload{ReadCloser: req.Body, watched: w}
	getBody := req.GetBody
	if getBody == nil {
		return
	}
	req.GetBody = func() (io.ReadCloser, error) {
		body, err := getBody()
		if err != nil {
			return nil, err
		}
		return &watchedUpload{ReadCloser: body, watched: w}, nil
	}
}

// watchedUpload restarts the clock whenever the connection takes more of the request's body.
type watchedUpload struct {
	io.ReadCloser
	*watched
}

func (b *watchedUpload) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	return b.ReadCloser.Read(p)
}

// watchedDownload runs the clock only while a read waits: a consumer that takes its time is no stall.
type watchedDownload struct {
	io.ReadCloser
	*watched
}

func (b *watchedDownload) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, b.explain(err)
}

func (b *watchedDownload) Close() error {
	b.timer.Stop()
	b.cancel()
	return b.ReadCloser.Close()
}
