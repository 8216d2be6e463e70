package server

import (
	"log/slog"
	"net"
	"strings"
	"testing"
)

// A replica that is not there, or has a name that leads nowhere, is told of once, and so is its coming back.
func TestWatchTellsWhoIsNotThere(t *testing.T) {
	t.Parallel()
	there, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	r, err := NewReplicas([]string{there.Addr().String(), gone.Addr().String(), "nosuch.invalid:9090"}, &net.TCPAddr{Port: 1})
	if err != nil {
		t.Fatal(err)
	}
	now := r.look(t.Context())
	if now[there.Addr().String()] != "" || now[gone.Addr().String()] == "" || now["nosuch.invalid:9090"] == "" {
		t.Errorf("it saw %q", now)
	}
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	tellChanges(log, nil, now)
	tellChanges(log, now, now)
	if strings.Count(out.String(), "WARN") != 2 || strings.Contains(out.String(), there.Addr().String()) {
		t.Errorf("the log has:\n%s", &out)
	}
	out.Reset()
	tellChanges(log, now, map[string]string{gone.Addr().String(): ""})
	if strings.Count(out.String(), "INFO") != 1 {
		t.Errorf("of its return the log has:\n%s", &out)
	}
}

// The replica does not look at itself.
func TestWatchLeavesItselfOut(t *testing.T) {
	t.Parallel()
	r, err := NewReplicas([]string{"127.0.0.1:1"}, &net.TCPAddr{Port: 1})
	if err != nil {
		t.Fatal(err)
	}
	if now := r.look(t.Context()); now["127.0.0.1:1"] != "" {
		t.Errorf("it saw %q", now)
	}
}
