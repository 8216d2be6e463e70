package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
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

// Temporary makes it worth another try.
func (e *StallError) Temporary() bool { return true }

// stallTransport gives up on a request when nothing moves for a while: no byte of the request's body is taken, no headers
// come, or no byte of the response's body. A transfer that is slow but moves may go on for ever.
type stallTransport struct {
	next http.RoundTripper
	idle time.Duration
}

func (t *stallTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	stalled := &StallError{Host: req.URL.Host, For: t.idle}
	timer := time.AfterFunc(t.idle, func() { cancel(stalled) })
	w := &watched{ctx: ctx, cancel: cancel, timer: timer, idle: t.idle}
	req = req.Clone(ctx)
	w.watchUpload(req)
	resp, err := t.next.RoundTrip(req)
	timer.Stop()
	if err != nil {
		cancel(nil)
		return nil, w.explain(err)
	}
	resp.Body = &watchedDownload{ReadCloser: resp.Body, watched: w}
	return resp, nil
}

type watched struct {
	ctx    context.Context // of the request, whose cause tells a stall from the caller's own cancelling
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   time.Duration
}

func (w *watched) explain(err error) error {
	if stalled, ok := context.Cause(w.ctx).(*StallError); ok {
		return stalled
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
	if err != nil && err != io.EOF {
		err = b.explain(err)
	}
	return n, err
}

func (b *watchedDownload) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
