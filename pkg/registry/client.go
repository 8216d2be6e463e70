package registry

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// Options configure a [Client]. The zero value is what the agent wants.
type Options struct {
	// UserAgent is sent with every request. Empty: "kubectl-oci".
	UserAgent string
	// Retry makes every request be tried up to three times while the network, or a 5xx answer, is to blame; where
	// [Repository.Blob] breaks off in the middle, its reader fails all the same. Whoever polls anyway leaves it off.
	Retry bool
	// Patience is how long a request may wait in all when a registry asks for fewer requests. Zero: not at all, the request fails with a
	// [RateLimitError] at once.
	Patience time.Duration
	// Waiting is told before such a wait begins, so that somebody who watches knows why nothing moves. Nil: nobody is told.
	Waiting func(*RateLimitError)
	// Concurrent is how many downloads and polls a registry has to answer at once, for each credential. Zero: 16.
	Concurrent int
	// Window is how old the answer to an equal poll may be that is used in place of a request: [Repository.Resolve] and
	// [Repository.Tags] with the same credentials, on the same way. Zero: nothing is shared. [Access.After] narrows it.
	Window time.Duration
}

// Client holds what is worth keeping between requests: connections, authentication challenges, tokens, fresh answers, and which
// registries want to be left alone. It is safe for concurrent use; a process shares one.
type Client struct {
	options Options
	polls   *polls

	mu        sync.Mutex
	routes    map[routeKey]*kept[*route]
	governors map[governorKey]*kept[*governor]
	sessions  map[sessionKey]*kept[*session]
	accepted  map[acceptedKey]*kept[*atomic.Int32]
	swept     time.Time
}

type governorKey struct {
	host       string
	credential [sha256.Size]byte
}

type sessionKey struct {
	routeKey
	credential [sha256.Size]byte
}

// acceptedKey is for remembering which of several credentials a repository accepts.
type acceptedKey struct {
	routeKey
	repository  string
	credentials [sha256.Size]byte
}

type kept[T any] struct {
	value T
	used  time.Time
}

// What nobody used for this long is forgotten: a rotated password or a deleted object leaves nothing behind.
const keepUnused = time.Hour

// NewClient returns a client that has no connections yet.
func NewClient(o Options) *Client {
	if o.UserAgent == "" {
		o.UserAgent = "kubectl-oci"
	}
	return &Client{
		options:   o,
		polls:     newPolls(o.Window),
		routes:    map[routeKey]*kept[*route]{},
		governors: map[governorKey]*kept[*governor]{},
		sessions:  map[sessionKey]*kept[*session]{},
		accepted:  map[acceptedKey]*kept[*atomic.Int32]{},
		swept:     time.Now(),
	}
}

// Repository gives the repository that ref names; its tag and digest do not matter. It sends nothing. An error says what is wrong with
// the access: TLS material or a proxy that cannot be used.
func (c *Client) Repository(ref Reference, a Access) (*Repository, error) {
	repo, err := ref.repository()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	key := a.routeKey(repo.RegistryStr())
	route, err := c.route(key, a)
	if err != nil {
		return nil, fmt.Errorf("reach registry %q: %w", ref.Registry, err)
	}
	candidates := a.candidates()
	credentials := fingerprint(candidates)
	chain := &chain{
		sessions: make([]*session, len(candidates)),
		accepted: keep(c.accepted, acceptedKey{key, repo.RepositoryStr(), credentials}, newCounter),
		scope:    repo.Scope(a.action()),
	}
	for i, credential := range candidates {
		chain.sessions[i] = c.session(key, route, repo.Registry, credential)
	}
	r, err := newRepository(ref, repo, chain, a, c.options)
	if err != nil {
		return nil, err
	}
	r.polls, r.after = c.polls, a.After
	r.key = pollKey{routeKey: key, credentials: credentials, timeout: a.timeout(), repository: repo.RepositoryStr()}
	return r, nil
}

func newCounter() *atomic.Int32 { return new(atomic.Int32) }

func (c *Client) route(key routeKey, a Access) (*route, error) {
	if _, ok := c.routes[key]; !ok {
		made, err := newRoute(a)
		if err != nil {
			return nil, err
		}
		c.routes[key] = &kept[*route]{value: made}
	}
	return keep(c.routes, key, nil), nil
}

func (c *Client) session(key routeKey, route *route, reg name.Registry, credential Credential) *session {
	who := fingerprint(credential)
	governor := keep(c.governors, governorKey{key.host, who}, func() *governor { return newGovernor(key.host, c.options.Concurrent) })
	return keep(c.sessions, sessionKey{key, who}, func() *session {
		return newSession(reg, key.insecure, credential, governor, &agentTransport{agent: c.options.UserAgent, next: route})
	})
}

// keep returns what is in m under k, made when missing, and notes that it is in use.
func keep[K comparable, T any](m map[K]*kept[T], k K, make func() T) T {
	v, ok := m[k]
	if !ok {
		v = &kept[T]{value: make()}
		m[k] = v
	}
	v.used = time.Now()
	return v.value
}

// sweep forgets what has not been used for long.
func (c *Client) sweep() {
	now := time.Now()
	if now.Sub(c.swept) < keepUnused {
		return
	}
	c.swept = now
	forget(c.accepted, now, nil)
	forget(c.sessions, now, nil)
	forget(c.governors, now, nil)
	forget(c.routes, now, (*route).close)
}

func forget[K comparable, T any](m map[K]*kept[T], now time.Time, drop func(T)) {
	for k, v := range m {
		if now.Sub(v.used) < keepUnused {
			continue
		}
		delete(m, k)
		if drop != nil {
			drop(v.value)
		}
	}
}

type agentTransport struct {
	agent string
	next  http.RoundTripper
}

func (t *agentTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", t.agent)
	return t.next.RoundTrip(req)
}
