package server

import (
	"errors"
	"io"
	"math"
	"net/http"
	"time"
)

// chunk is how much a client has to take for its download to count as moving, bytes.
const chunk = 64 << 10

// response moves the write deadline on while the client takes what is written.
type response struct {
	http.ResponseWriter

	control *http.ResponseController
	stall   time.Duration
	status  int   // 200 where nobody writes another
	written int64 // bytes
}

func (r *response) WriteHeader(status int) {
	r.status = status
	r.moveDeadline() // a refill may have taken long
	r.ResponseWriter.WriteHeader(status)
}

func (r *response) Write(p []byte) (int, error) {
	r.moveDeadline()
	n, err := r.ResponseWriter.Write(p)
	r.written += int64(n)
	return n, err
}

// ReadFrom hands the source on in pieces, each as the limited file from which the kernel can send by itself.
func (r *response) ReadFrom(source io.Reader) (n int64, err error) {
	limited, ok := source.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: source, N: math.MaxInt64}
	}
	for limited.N > 0 {
		r.moveDeadline()
		moved, err := io.CopyN(r.ResponseWriter, limited.R, min(chunk, limited.N))
		n, limited.N, r.written = n+moved, limited.N-moved, r.written+moved
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// moveDeadline leaves it to the next write to fail on a connection that is gone.
func (r *response) moveDeadline() { _ = r.control.SetWriteDeadline(time.Now().Add(r.stall)) }
