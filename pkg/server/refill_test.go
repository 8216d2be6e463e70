package server_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/server"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// refill puts back what test says.
type refill func(ctx context.Context, key store.Key, d digest.Digest) error

func (f refill) Refill(ctx context.Context, key store.Key, d digest.Digest) error {
	return f(ctx, key, d)
}

func TestMissIsRefilled(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	body := gzipped(t, "a: 1")
	d := digest.FromBytes(body)
	var asked []digest.Digest
	address := serve(t, &server.Server{Store: s, Refill: refill(func(_ context.Context, key store.Key, d digest.Digest) error {
		asked = append(asked, d)
		put(t, s, key, body)
		return nil
	})})
	for name, path := range map[string]string{"digest": web.Path(d), "latest": db.LatestPath()} {
		for range 2 {
			response, got := get(t, "http://"+address+"/"+path)
			if response.StatusCode != http.StatusOK || string(got) != string(body) {
				t.Errorf("%s: %s, %d bytes", name, response.Status, len(got))
			}
		}
	}
	if len(asked) != 2 || asked[0] == asked[1] {
		t.Errorf("asked for %q", asked)
	}
}

func TestRefillFails(t *testing.T) {
	t.Parallel()
	d := digest.FromString("x")
	for name, tc := range map[string]struct {
		err     error
		headers []string
		status  int
		retry   string
		asked   int32
	}{
		"not advertised": {err: fs.ErrNotExist, status: http.StatusNotFound, asked: 1},
		"out of order":   {err: errors.New("registry away"), status: http.StatusServiceUnavailable, retry: "2", asked: 1},
		"dropped again":  {err: nil, status: http.StatusServiceUnavailable, retry: "2", asked: 3},
		"by a replica":   {err: nil, headers: []string{"Kubectl-Oci-Replica", "true"}, status: http.StatusNotFound},
	} {
		var asked atomic.Int32
		address := serve(t, &server.Server{Store: openStore(t), Refill: refill(func(context.Context, store.Key, digest.Digest) error {
			asked.Add(1)
			return tc.err
		})})
		for range 3 { // within the time for which a failure is remembered
			response, body := get(t, "http://"+address+"/"+web.Path(d), tc.headers...)
			if response.StatusCode != tc.status || response.Header.Get("Retry-After") != tc.retry {
				t.Errorf("%s: %s, retry after %q", name, response.Status, response.Header.Get("Retry-After"))
			}
			if response.StatusCode == http.StatusServiceUnavailable && string(body) != "not available at the moment\n" {
				t.Errorf("%s: clients are told %q", name, body)
			}
		}
		if asked.Load() != tc.asked {
			t.Errorf("%s: %d refills, want %d", name, asked.Load(), tc.asked)
		}
	}
}

// A hundred clients that miss the same thing share one refill, and it does not matter who of them leaves.
func TestMissesShareARefill(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	body := gzipped(t, "a: 1")
	d := digest.FromBytes(body)
	var flights atomic.Int32
	began, end := make(chan struct{}, 100), make(chan struct{})
	address := serve(t, &server.Server{Store: s, Refill: refill(func(ctx context.Context, key store.Key, _ digest.Digest) error {
		flights.Add(1)
		began <- struct{}{}
		<-end
		put(t, s, key, body)
		return ctx.Err()
	})})
	url := "http://" + address + "/" + web.Path(d)
	first, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		r, err := http.NewRequestWithContext(first, http.MethodGet, url, nil)
		if err == nil {
			_, err = http.DefaultClient.Do(r)
		}
		left <- err
	}()
	<-began
	var clients sync.WaitGroup
	for range 100 {
		clients.Go(func() {
			if response, got := get(t, url); response.StatusCode != http.StatusOK || len(got) != len(body) {
				t.Errorf("%s, %d bytes", response.Status, len(got))
			}
		})
	}
	leave()
	if err := <-left; err == nil {
		t.Error("who left got an answer")
	}
	close(end)
	clients.Wait()
	if n := flights.Load(); n != 1 {
		t.Errorf("%d refills", n)
	}
}

// One namespace cannot take all the seats, and all namespaces together have so many.
func TestRefillsAreBounded(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var mu sync.Mutex
	var now, most int
	each, mostEach := map[string]int{}, 0
	end := make(chan struct{})
	arrived := make(chan struct{}, 1000)
	address := serve(t, &server.Server{Store: s, Refill: refill(func(_ context.Context, key store.Key, _ digest.Digest) error {
		mu.Lock()
		now++
		each[key.Namespace]++
		most, mostEach = max(most, now), max(mostEach, each[key.Namespace])
		mu.Unlock()
		arrived <- struct{}{}
		<-end
		mu.Lock()
		now--
		each[key.Namespace]--
		mu.Unlock()
		put(t, s, key, []byte("x"))
		return nil
	})})
	var clients sync.WaitGroup
	for _, namespace := range []string{"a", "b", "c", "d", "e"} {
		for i := range 20 {
			key := store.Key{Namespace: namespace, Name: string(rune('a' + i))}
			clients.Go(func() {
				if response, _ := get(t, "http://"+address+"/"+key.Path(digest.FromString("x"))); response.StatusCode != http.StatusOK {
					t.Error(response.Status)
				}
			})
		}
	}
	for range 24 {
		<-arrived
	}
	close(end)
	clients.Wait()
	if most > 24 || mostEach > 8 {
		t.Errorf("%d at once, %d in one namespace", most, mostEach)
	}
}

// What failed a moment ago is tried again a moment later.
func TestFailureIsForgotten(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var calls atomic.Int32
	address := serve(t, &server.Server{Store: s, Refill: refill(func(_ context.Context, key store.Key, _ digest.Digest) error {
		if calls.Add(1) == 1 {
			return errors.New("not yet")
		}
		put(t, s, key, []byte("x"))
		return nil
	})})
	url := "http://" + address + "/" + web.Path(digest.FromString("x"))
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		response, _ := get(t, url)
		if response.StatusCode == http.StatusOK {
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it is remembered for ever")
		}
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("%d refills", n)
	}
}

// What makes a library panic costs the clients who wait for it, and nobody else.
func TestPanicEndsARefillOnly(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	body := gzipped(t, "a: 1")
	var log bytes.Buffer
	address := serve(t, &server.Server{Store: s, Log: slog.New(slog.NewTextHandler(&log, nil)), Refill: refill(func(_ context.Context, key store.Key, _ digest.Digest) error {
		if key == web {
			panic("index out of range")
		}
		put(t, s, key, body)
		return nil
	})})
	for range 2 {
		if response, _ := get(t, "http://"+address+"/"+web.Path(digest.FromBytes(body))); response.StatusCode != http.StatusServiceUnavailable {
			t.Error(response.Status)
		}
	}
	if response, _ := get(t, "http://"+address+"/"+db.Path(digest.FromBytes(body))); response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}
	if !strings.Contains(log.String(), "a panic: index out of range") {
		t.Errorf("the log says %q", log.String())
	}
}
