package registry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// A request is tried after pauses of these lengths, three times in all.
const (
	firstPause  = 500 * time.Millisecond
	longestWait = 2 * time.Second
	pauseFactor = 3
)

// once keeps the client library from trying uploads again by itself: its pauses cannot be interrupted.
func once() remote.Option { return remote.WithRetryBackoff(remote.Backoff{Steps: 1}) }

// persist does what the client's options say of retries: again while the error is one that may be gone the next time.
func (r *Repository) persist(ctx context.Context, do func() error) error {
	err := do()
	for pause := firstPause; r.retry && passing(err) && pause < longestWait; pause *= pauseFactor {
		if stopped := sleep(ctx, pause); stopped != nil {
			return stopped
		}
		err = do()
	}
	return err
}

// passing tells trouble on the way, or in the registry, from answers that stay what they are. A refused connection stays, and
// whoever has waited for a stalled one has waited as long as was wanted.
func passing(err error) bool {
	switch status(err) {
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	case 0:
	default:
		return false
	}
	for _, blip := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNABORTED, net.ErrClosed} {
		if errors.Is(err, blip) {
			return true
		}
	}
	return false
}
