package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Server serves a store. The fields must not change while it does.
type Server struct {
	Store  *store.Store
	Refill Refill        // asked for what the store lacks; nil: that is 404
	Log    *slog.Logger  // every request at debug level, failures of ours above; nil logs nothing
	Stall  time.Duration // for how long a client may take less than 64 KiB of a download; zero means 1 minute
	Grace  time.Duration // for how long downloads may go on when the server is to stop; zero means 30 s

	refills refills
}

const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// Serve answers requests on the listener, which it closes, until the context is done. Then it accepts no more, waits for the downloads
// going on, cuts those that outlast the grace period, and returns nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:                      s,
		ReadHeaderTimeout:            headerTimeout,
		WriteTimeout:                 s.stall(),
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(s.log().Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	s.shutdown(context.WithoutCancel(ctx), server)
	return nil
}

func (s *Server) shutdown(ctx context.Context, server *http.Server) {
	ctx, cancel := context.WithTimeout(ctx, s.grace())
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		s.log().WarnContext(ctx, "cut the downloads that outlasted the grace period", "grace", s.grace())
		server.Close()
	}
}

func (s *Server) stall() time.Duration { return cmp.Or(s.Stall, time.Minute) }

func (s *Server) grace() time.Duration { return cmp.Or(s.Grace, 30*time.Second) }

func (s *Server) log() *slog.Logger { return cmp.Or(s.Log, slog.New(slog.DiscardHandler)) }
