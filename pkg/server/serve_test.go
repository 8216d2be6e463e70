package server_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/server"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// More than the buffers of a loopback connection hold.
const large = 32 << 20

func TestStalledClientIsCut(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, randomBytes(large))
	log := make(records, 1)
	address := serve(t, &server.Server{Store: s, Log: slog.New(log), Stall: 300 * time.Millisecond})
	response := download(t, address, entry)
	record := <-log // the server has given up
	if sent := attribute(record, "bytes").Int64(); sent == 0 || sent == large {
		t.Errorf("%d bytes were sent", sent)
	}
	if n, err := io.Copy(io.Discard, response.Body); err == nil || n == large {
		t.Errorf("the client could still read %d bytes, %v", n, err)
	}
}

func TestDownloadOutlivesPrune(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, randomBytes(large))
	address := serve(t, &server.Server{Store: s})
	response := download(t, address, entry)
	current := put(t, s, web, []byte("new"))
	if err := s.Prune(web, current.Digest, store.Retention{Records: -1}); err != nil {
		t.Fatal(err)
	}
	if again, _ := get(t, "http://"+address+"/"+entry.Path()); again.StatusCode != http.StatusNotFound {
		t.Errorf("the pruned entry is still there: %s", again.Status)
	}
	if got, err := digest.FromReader(response.Body); err != nil || got != entry.Digest {
		t.Errorf("downloaded %s, %v, want %s", got, err, entry.Digest)
	}
}

func TestShutdownLetsDownloadsFinish(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, randomBytes(large))
	address, stop := start(t, &server.Server{Store: s})
	response := download(t, address, entry)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		conn.Close()
	}
	if got, err := digest.FromReader(response.Body); err != nil || got != entry.Digest {
		t.Errorf("downloaded %s, %v, want %s", got, err, entry.Digest)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, randomBytes(large))
	address, stop := start(t, &server.Server{Store: s, Grace: time.Millisecond})
	response := download(t, address, entry)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n, err := io.Copy(io.Discard, response.Body); err == nil {
		t.Errorf("the download went on after the end: %d bytes", n)
	}
}

func TestListenerFails(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	s := &server.Server{Store: openStore(t)}
	if err := s.Serve(t.Context(), listener); err == nil || !strings.Contains(err.Error(), listener.Addr().String()) {
		t.Errorf("Serve = %v, want an error with the address", err)
	}
}

// Time as the clients below spend it: the server's minutes pass at once.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	body := randomBytes(1 << 20)
	entry := put(t, s, web, body)
	get := "GET /" + entry.Path() + " HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, test := range map[string]struct {
		client func(t *testing.T, conn net.Conn, closed <-chan struct{})
		lasts  time.Duration
	}{
		"a slow download that moves goes on": {
			client: func(t *testing.T, conn net.Conn, closed <-chan struct{}) {
				io.WriteString(conn, get)
				response := readResponse(t, conn)
				var got bytes.Buffer
				for got.Len() < len(body) {
					<-time.After(50 * time.Second)
					if _, err := io.CopyN(&got, response.Body, 64<<10); err != nil {
						t.Errorf("cut after %d bytes: %v", got.Len(), err)
						return
					}
				}
				if !bytes.Equal(got.Bytes(), body) {
					t.Error("other bytes arrived")
				}
			},
			lasts: 16 * 50 * time.Second,
		},
		"a client that stops reading is cut": {
			client: func(t *testing.T, conn net.Conn, closed <-chan struct{}) {
				io.WriteString(conn, get)
				response := readResponse(t, conn)
				io.CopyN(io.Discard, response.Body, 100<<10)
				<-closed
			},
			lasts: time.Minute,
		},
		"a client that reads no headers is cut": {
			client: func(t *testing.T, conn net.Conn, closed <-chan struct{}) {
				io.WriteString(conn, strings.Replace(get, "GET", "HEAD", 1))
				<-closed
			},
			lasts: time.Minute,
		},
		"headers that do not come are not waited for": {
			client: func(t *testing.T, conn net.Conn, closed <-chan struct{}) {
				io.WriteString(conn, get[:20])
				io.Copy(io.Discard, conn)
				<-closed
			},
			lasts: 10 * time.Second,
		},
		"an idle connection is closed": {
			client: func(t *testing.T, conn net.Conn, closed <-chan struct{}) {
				io.WriteString(conn, get)
				io.Copy(io.Discard, readResponse(t, conn).Body)
				<-closed
			},
			lasts: 2 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				pipes := make(pipeListener)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- (&server.Server{Store: s}).Serve(ctx, pipes) }()
				conn, far := net.Pipe()
				defer conn.Close()
				watched := &watchedConn{Conn: far, closed: make(chan struct{})}
				pipes <- watched
				start := time.Now()
				test.client(t, conn, watched.closed)
				if got := time.Since(start); got != test.lasts {
					t.Errorf("it lasted %s, want %s", got, test.lasts)
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A pipeListener accepts the connections that are sent to it.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	conn, ok := <-l
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l pipeListener) Close() error {
	close(l)
	return nil
}

func (pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// A watchedConn says when the server closes it.
type watchedConn struct {
	net.Conn

	closed chan struct{}
	once   sync.Once
}

func (c *watchedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func readResponse(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// download begins one and reads only its headers.
func download(t *testing.T, address string, entry store.Entry) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/"+entry.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestEveryRequestIsLoggedWithItsStatus(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, []byte("bytes"))
	log := make(records, 1)
	address := serve(t, &server.Server{Store: s, Log: slog.New(log)})
	for path, want := range map[string]int64{"/": http.StatusOK, "/" + entry.Path(): http.StatusOK, "/nothing": http.StatusNotFound} {
		get(t, "http://"+address+path)
		if got := attribute(<-log, "status").Int64(); got != want {
			t.Errorf("GET %s is logged with status %d, want %d", path, got, want)
		}
	}
}
