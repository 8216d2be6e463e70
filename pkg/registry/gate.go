package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// gate is how everything of a session leaves: to the registry, to its token service, to where it redirects. It asks the governor each
// time, and keeps plain HTTP from where it was not allowed.
type gate struct {
	governor *governor
	insecure bool
	next     http.RoundTripper
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && !g.insecure && !loopback(req.URL.Host) {
		return nil, fmt.Errorf("registry %q leads to %q over plain HTTP, which is not allowed", g.governor.host, req.URL.Host)
	}
	leave, err := g.governor.enter(req)
	if err != nil {
		return nil, err
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		leave()
		return nil, err
	}
	resp.Body = occupy(req.Context(), resp.Body, leave)
	if limited := g.governor.note(req, resp); limited != nil {
		drain(resp)
		return nil, limited
	}
	return resp, nil
}

// occupied is a body that keeps its place with the governor until it ends, is closed, or its request is called off.
type occupied struct {
	io.ReadCloser
	leave func()
}

func occupy(ctx context.Context, body io.ReadCloser, leave func()) io.ReadCloser {
	if body == http.NoBody {
		leave()
		return body
	}
	leave = sync.OnceFunc(leave)
	stop := context.AfterFunc(ctx, leave)
	return &occupied{body, func() {
		stop()
		leave()
	}}
}

func (o *occupied) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	if err != nil {
		o.leave()
	}
	return n, err
}

func (o *occupied) Close() error {
	defer o.leave()
	return o.ReadCloser.Close()
}
