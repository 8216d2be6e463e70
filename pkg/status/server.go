package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Look tells what the agent knows now. An error says why it cannot tell.
type Look func(context.Context) (Agent, error)

// Bounds of what readers may take of the agent.
const (
	lookTimeout    = 5 * time.Second
	writeTimeout   = 30 * time.Second
	headerTimeout  = 5 * time.Second
	idleTimeout    = time.Minute
	maxHeaderBytes = 8 << 10
	maxReaders     = 4 // that are answered at once
)

// Paths of the page and of the JSON.
const (
	pagePath = "/"
	jsonPath = "/debug/status"
)

// Serve answers requests on the listener, which it closes, until the context is done. Who is being answered then is cut off.
func Serve(ctx context.Context, listener net.Listener, look Look, log *slog.Logger) error {
	handler, err := NewHandler(look)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:                      handler,
		ReadTimeout:                  headerTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true,
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return fmt.Errorf("show status on %s: %w", listener.Addr(), err)
	}
	return nil
}

// NewHandler makes what answers: / with the page, /debug/status with JSON. Both take namespace, state, limit and after as parameters.
func NewHandler(look Look) (http.Handler, error) {
	page, err := newPage()
	if err != nil {
		return nil, err
	}
	return &handler{look: look, page: page, readers: make(chan struct{}, maxReaders)}, nil
}

type handler struct {
	look    Look
	page    *page
	readers chan struct{}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", h.page.policy)
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case !ours(r.Host):
		http.Error(w, "ask by an address, as localhost, or by a name inside the cluster", http.StatusMisdirectedRequest)
	case r.URL.Path != pagePath && r.URL.Path != jsonPath:
		http.Error(w, "there are / and /debug/status", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "there is nothing to change here", http.StatusMethodNotAllowed)
	default:
		h.show(w, r)
	}
}

func (h *handler) show(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found, err := h.ask(r.Context(), q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	contents, kind, err := h.write(r.URL.Path, q, found)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(contents) // a reader who left
}

func (h *handler) write(path string, q query, found answer) (contents []byte, kind string, err error) {
	if path == pagePath {
		contents, err = h.page.render(q, found)
		return contents, "text/html; charset=utf-8", err
	}
	contents, err = json.MarshalIndent(found, "", "  ")
	return contents, "application/json", err
}

var errTooMany = errors.New("too many ask at once")

func (h *handler) ask(ctx context.Context, q query) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	select {
	case h.readers <- struct{}{}:
		defer func() { <-h.readers }()
	case <-ctx.Done():
		return answer{}, errTooMany
	}
	agent, err := h.look(ctx)
	if err != nil {
		return answer{}, err
	}
	return q.answer(agent, time.Now()), nil
}

// ours tells whether the host that a browser asked for is one that no stranger can point at this machine: an address, or a name that
// exists in no public zone. Otherwise a website could have its own name lead here and read with the rights of whoever looks at it.
func ours(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return host != "" && !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") ||
		strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".cluster.local")
}
