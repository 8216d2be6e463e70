package server_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/server"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// free is an address that nobody listens on, as this process's own.
func free(t *testing.T) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr()
}

func replicas(t *testing.T, own net.Addr, addresses ...string) *server.Replicas {
	t.Helper()
	r, err := server.NewReplicas(addresses, own)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReplicasFetchFromWhoHasIt(t *testing.T) {
	t.Parallel()
	own, dead := free(t), free(t)
	holder, empty := openStore(t), openStore(t)
	d := put(t, holder, web, []byte("x")).Digest
	never := refill(func(context.Context, store.Key, digest.Digest) error {
		t.Error("a replica that is asked asks others")
		return nil
	})
	full := serve(t, &server.Server{Store: holder, Refill: never})
	bare := serve(t, &server.Server{Store: empty, Refill: never})
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+full+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(broken.Close)
	_, port, _ := net.SplitHostPort(full)
	for name, tc := range map[string]struct {
		addresses []string
		missing   bool // and everybody says so
		fails     bool
	}{
		"alone":                 {missing: true, fails: true},
		"it has it":             {addresses: []string{full}},
		"the last one has it":   {addresses: []string{dead.String(), bare, broken.Listener.Addr().String(), full}},
		"by name":               {addresses: []string{"localhost:" + port}},
		"nobody has it":         {addresses: []string{bare}, missing: true, fails: true},
		"no such name":          {addresses: []string{"replicas.invalid:80"}, fails: true},
		"nobody answers":        {addresses: []string{dead.String()}, fails: true},
		"one does not answer":   {addresses: []string{bare, dead.String()}, fails: true},
		"it sends us elsewhere": {addresses: []string{broken.Listener.Addr().String()}, fails: true},
	} {
		body, err := replicas(t, own, tc.addresses...).Fetch(t.Context(), web, d)
		if (err != nil) != tc.fails || tc.missing && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name != "no such name" && !tc.missing && errors.Is(err, fs.ErrNotExist) { // a resolver may be out of order too
			t.Errorf("%s: nobody said that there is none: %v", name, err)
		}
		if err == nil {
			raw, err := io.ReadAll(body)
			if err != nil || string(raw) != "x" {
				t.Errorf("%s: %q, %v", name, raw, err)
			}
			body.Close()
		}
	}
}

func TestReplicaDoesNotAskItself(t *testing.T) {
	t.Parallel()
	asked := false
	self := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(self.Close)
	own := self.Listener.Addr()
	_, port, _ := net.SplitHostPort(own.String())
	_, err := replicas(t, own, own.String(), "localhost:"+port).Fetch(t.Context(), web, digest.FromString("x"))
	if !errors.Is(err, fs.ErrNotExist) || asked {
		t.Errorf("got %v, asked itself: %t", err, asked)
	}
}

func TestReplicasNeedAnAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "host", ":9090", "host:", "http://host:9090"} {
		if _, err := server.NewReplicas([]string{address}, free(t)); err == nil {
			t.Errorf("%q is taken for an address", address)
		}
	}
}
