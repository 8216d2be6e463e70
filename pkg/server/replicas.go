package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// replicaHeader marks requests of replicas among themselves. They are answered from the store alone: a replica that had to ask others
// in turn would ask in circles.
const replicaHeader = "Kubectl-Oci-Replica"

const (
	replicaDial   = 2 * time.Second
	replicaAnswer = 10 * time.Second // to the first byte: the other one may have to hash a large file first
	replicaStall  = 20 * time.Second
	replicaRest   = 10 * time.Second // for which one that failed is asked after the others
)

// Replicas downloads from the servers of other replicas. It is safe for concurrent use; see [NewReplicas].
type Replicas struct {
	addresses []string
	own       string // port
	client    *http.Client
	resolver  net.Resolver

	mu     sync.Mutex
	failed map[string]time.Time // by address: when it last did not answer
}

// NewReplicas knows the replicas at these addresses, host:port, where a host may be a name with several addresses. The one among them
// at which this process itself listens is left out.
func NewReplicas(addresses []string, own net.Addr) (*Replicas, error) {
	for _, address := range addresses {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("replica %q is not host:port", address)
		}
	}
	_, port, err := net.SplitHostPort(own.String())
	if err != nil {
		return nil, fmt.Errorf("find own port: %w", err)
	}
	return &Replicas{addresses: addresses, own: port, client: newReplicaClient(), failed: map[string]time.Time{}}, nil
}

// newReplicaClient goes straight to the address: the environment's proxy leads out of the cluster.
func newReplicaClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: replicaDial}).DialContext,
			ResponseHeaderTimeout:  replicaAnswer,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Fetch opens what another replica holds for the object under the digest. The caller closes it, and checks the bytes. The error wraps
// fs.ErrNotExist when all replicas answered that they have no such thing, or there are no others.
func (r *Replicas) Fetch(ctx context.Context, key store.Key, d digest.Digest) (io.ReadCloser, error) {
	addresses, failed := r.others(ctx)
	for _, address := range addresses {
		body, err := r.ask(ctx, address, key.Path(d))
		if err == nil {
			return body, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			failed = cmp.Or(failed, err)
		}
	}
	if failed == nil {
		failed = fs.ErrNotExist
	}
	return nil, fmt.Errorf("fetch %q from another replica: %w", key.Path(d), failed)
}

// ask downloads from one replica, until nothing comes for too long.
func (r *Replicas) ask(ctx context.Context, address, path string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/"+path, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	req.Header.Set(replicaHeader, "true")
	resp, err := r.client.Do(req)
	r.note(ctx, address, err)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return newMoving(resp.Body, cancel), nil
	}
	cancel(nil)
	resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, fs.ErrNotExist
	}
	return nil, fmt.Errorf("%s answers %s", address, resp.Status)
}

// note remembers who did not answer.
func (r *Replicas) note(ctx context.Context, address string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.failed, address)
	if err != nil && ctx.Err() == nil {
		r.failed[address] = time.Now()
	}
}

// others are the addresses of the other replicas, those that failed a moment ago last. The error is a name that could not be resolved;
// one that does not exist is no error: no replica is there yet.
func (r *Replicas) others(ctx context.Context) (addresses []string, failed error) {
	ctx, cancel := context.WithTimeout(ctx, replicaDial)
	defer cancel()
	for _, address := range r.addresses {
		host, port, _ := net.SplitHostPort(address)
		ips, err := r.resolver.LookupHost(ctx, host)
		if unknown, ok := errors.AsType[*net.DNSError](err); err != nil && !(ok && unknown.IsNotFound) {
			failed = err
		}
		for _, ip := range ips {
			if port != r.own || !isOwn(ip) {
				addresses = append(addresses, net.JoinHostPort(ip, port))
			}
		}
	}
	return r.inOrder(addresses), failed
}

func (r *Replicas) inOrder(addresses []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for address, at := range r.failed {
		if time.Since(at) > replicaRest {
			delete(r.failed, address)
		}
	}
	slices.SortStableFunc(addresses, func(a, b string) int { return r.failed[a].Compare(r.failed[b]) })
	return slices.Compact(addresses)
}

// isOwn tells whether this machine or Pod has the address.
func isOwn(ip string) bool {
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(a net.Addr) bool {
		own, ok := a.(*net.IPNet)
		return ok && own.IP.Equal(net.ParseIP(ip))
	})
}

// moving is a download that fails when nothing comes for too long.
type moving struct {
	io.ReadCloser

	cancel context.CancelCauseFunc
	stall  *time.Timer
}

var errReplicaStalls = errors.New("the other replica sends nothing any more")

func newMoving(body io.ReadCloser, cancel context.CancelCauseFunc) *moving {
	return &moving{body, cancel, time.AfterFunc(replicaStall, func() { cancel(errReplicaStalls) })}
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.stall.Reset(replicaStall)
	return n, err
}

// Close implements io.Closer.
func (m *moving) Close() error {
	m.stall.Stop()
	m.cancel(nil)
	return m.ReadCloser.Close()
}
