// Package loopback serves HTTP on a free port of 127.0.0.1 and takes everything down again: the listener, open
// connections, and requests that still wait for something. It never listens on another address.
package loopback

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Options of a Server. The zero value is plain HTTP/1.1.
type Options struct {
	TLS     *tls.Config                    // nil: plain HTTP
	HTTP2   bool                           // offer HTTP/2 too; needs TLS
	Observe func(net.Conn, http.ConnState) // told of every change of a connection's state; may be nil
}

// Server is an HTTP server that runs until Close.
type Server struct {
	Addr string // 127.0.0.1:port

	server *http.Server
	cancel context.CancelFunc
	done   chan struct{}
}

// Serve starts to serve h and returns when connections are accepted. Requests inherit the values of ctx; its end does
// not stop the server, Close does.
func Serve(ctx context.Context, h http.Handler, o Options) (*Server, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen on a loopback port: %w", err)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(o.HTTP2)
	s := &Server{
		Addr: listener.Addr().String(),
		server: &http.Server{
			Handler:           h,
			TLSConfig:         o.TLS,
			Protocols:         &protocols,
			ConnState:         o.Observe,
			BaseContext:       func(net.Listener) context.Context { return base },
			ErrorLog:          log.New(io.Discard, "", 0),
			ReadHeaderTimeout: time.Minute,
		},
		cancel: cancel,
		done:   make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.run(listener) // returns when Close has closed the listener; there is nobody to tell otherwise
	}()
	return s, nil
}

func (s *Server) run(listener net.Listener) error {
	if s.server.TLSConfig == nil {
		return s.server.Serve(listener)
	}
	return s.server.ServeTLS(listener, "", "")
}

// Close cancels the context of every running request and closes the listener and all connections.
func (s *Server) Close() {
	s.cancel()
	s.server.Close()
	<-s.done
}
