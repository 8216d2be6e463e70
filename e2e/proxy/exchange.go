package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
)

// exchange is the answer to one request: it counts what is written and, where the request has met a fault, spoils it.
type exchange struct {
	http.ResponseWriter
	proxy     *Proxy
	request   *http.Request
	injection *Injection // nil: no fault
	status    int        // 0: not written yet
	sent      int64      // bytes of the body
}

// Unwrap lets http.ResponseController find Flush, Hijack and deadlines.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// begin does what a fault does before the registry is asked, and reports whether it shall be asked.
func (e *exchange) begin() bool {
	i, f := e.injection, e.injection.Fault
	if f.Delay > 0 && !i.pause(e.request.Context(), f.Delay) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case f.Status != 0:
		e.refuse(f)
		return false
	case f.Action == Hang:
		_, _ = io.Copy(io.Discard, e.request.Body) // else the server does not notice that the client leaves
		i.hang(e.request.Context())
		panic(http.ErrAbortHandler)
	case f.Action == Reset && f.At == 0:
		e.reset()
	case f.Instead != "":
		e.request.URL.Path = f.Instead
	}
	return true
}

// refuse answers in the form of the distribution specification.
func (e *exchange) refuse(f Fault) {
	body := fmt.Sprintf(`{"errors":[{"code":"UNKNOWN","message":"injected: %s"}]}`+"\n", http.StatusText(f.Status))
	if f.Status >= 400 {
		e.Header().Set("Content-Type", "application/json")
		e.Header().Set("Content-Length", fmt.Sprint(len(body)))
	}
	e.WriteHeader(f.Status)
	if f.Status >= 400 && e.request.Method != http.MethodHead {
		_, _ = io.WriteString(e, body)
	}
}

// WriteHeader counts the status.
func (e *exchange) WriteHeader(status int) {
	if e.status == 0 && status >= 200 {
		e.status = status
		e.proxy.count(func(c *Counts) { c.Responses[status]++ })
		if e.injection != nil {
			maps.Copy(e.Header(), e.injection.Fault.Header)
		}
	}
	e.ResponseWriter.WriteHeader(status)
	if e.injection != nil && e.injection.Fault.At == 0 {
		e.stop(nil)
	}
}

// Write passes on what the fault, if any, leaves of the bytes.
func (e *exchange) Write(b []byte) (int, error) {
	if e.status == 0 {
		e.WriteHeader(http.StatusOK)
	}
	if e.injection != nil {
		b = e.spoil(b)
	}
	return e.send(b)
}

// send counts before it writes, so that a client that has a body finds it counted.
func (e *exchange) send(b []byte) (int, error) {
	e.proxy.count(func(c *Counts) { c.Sent += int64(len(b)) })
	n, err := e.ResponseWriter.Write(b)
	e.sent += int64(n)
	return n, err
}

// spoil returns the bytes with one bit flipped, or ends the answer within them. The caller's slice is not changed.
func (e *exchange) spoil(b []byte) []byte {
	at := e.injection.Fault.At - e.sent
	if at < 0 || at >= int64(len(b)) {
		return b
	}
	if e.injection.Fault.Action == Flip {
		b = bytes.Clone(b)
		b[at] ^= 0x01
		return b
	}
	e.stop(b[:at])
	return b
}

// stop sends the last bytes before a stall or a reset, and does not return from those.
func (e *exchange) stop(last []byte) {
	switch e.injection.Fault.Action {
	case Stall:
		e.flush(last)
		e.injection.hang(e.request.Context())
		panic(http.ErrAbortHandler)
	case Reset:
		e.flush(last)
		e.reset()
	}
}

func (e *exchange) flush(last []byte) {
	if _, err := e.send(last); err == nil {
		_ = http.NewResponseController(e.ResponseWriter).Flush()
	}
}

// reset makes the kernel send a reset in place of what it still holds, and does not return. HTTP/2 resets the stream alone.
func (e *exchange) reset() {
	conn, _, err := http.NewResponseController(e.ResponseWriter).Hijack()
	if err == nil {
		conn = withoutTLS(conn) // which would say good-bye
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
	panic(http.ErrAbortHandler)
}

func withoutTLS(conn net.Conn) net.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}

// upload is the body of a request: it counts what is read and may reset the connection under it.
type upload struct {
	io.ReadCloser
	exchange *exchange
	read     int64
}

// Read passes on what the client has sent, up to the byte of a ResetUpload.
func (u *upload) Read(b []byte) (int, error) {
	if i := u.exchange.injection; i != nil && i.Fault.Action == ResetUpload {
		left := i.Fault.At - u.read
		if left <= 0 {
			u.exchange.reset()
		}
		b = b[:min(int64(len(b)), left)]
	}
	n, err := u.ReadCloser.Read(b)
	u.read += int64(n)
	if n > 0 {
		u.exchange.proxy.count(func(c *Counts) { c.Received += int64(n) })
	}
	return n, err
}
