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
	routes    *recent[routeKey, *route]
	sessions  *recent[sessionKey, *session] // of the routes
	governors *recent[sessionKey, *governor]
	accepted  *recent[acceptedKey, *atomic.Int32]
}

type sessionKey struct {
	routeKey
	credential [sha256.Size]byte
}

// governorKey tells whose requests a registry counts together. Reach only forbids, so that it makes no difference; but who answers for a
// proxy or an authority of somebody's own speaks to that one alone.
func governorKey(key routeKey, credential Credential) sessionKey {
	key.reach = Reach{}
	return sessionKey{key, fingerprint(credential.identity())}
}

// acceptedKey is for remembering which of several credentials a repository accepts.
type acceptedKey struct {
	routeKey
	repository  string
	credentials [sha256.Size]byte
}

// How much is kept at most, whatever objects, Secrets and registries make up. A route is the heaviest by far: its weight counts, too, what
// its TLS material takes.
const (
	maxRoutes   = 1000
	maxSessions = 4096
	maxSmall    = 1 << 14 // governors, and which credential is accepted
	routeUnit   = 32 << 10
)

// NewClient returns a client that has no connections yet.
func NewClient(o Options) *Client {
	if o.UserAgent == "" {
		o.UserAgent = "kubectl-oci"
	}
	sessions := newRecent[sessionKey, *session](maxSessions, nil)
	return &Client{
		options:  o,
		polls:    newPolls(o.Window),
		sessions: sessions,
		routes: newRecent(maxRoutes, func(gone routeKey, r *route) {
			sessions.forget(func(k sessionKey) bool { return k.routeKey == gone })
			r.close()
		}),
		governors: newRecent[sessionKey, *governor](maxSmall, nil),
		accepted:  newRecent[acceptedKey, *atomic.Int32](maxSmall, nil),
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
	credentials := fingerprint(identities(candidates))
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
	if a.Mount != "" {
		if r.mount, err = newMount(repo, chain, a, c.options); err != nil {
			return nil, err
		}
	}
	r.polls, r.after = c.polls, a.After
	r.key = pollKey{routeKey: key, credentials: credentials, timeout: a.timeout(), repository: repo.RepositoryStr()}
	return r, nil
}

func newCounter() *atomic.Int32 { return new(atomic.Int32) }

func (c *Client) route(key routeKey, a Access) (*route, error) {
	if known, ok := c.routes.use(key); ok {
		return known, nil
	}
	made, err := newRoute(a)
	if err != nil {
		return nil, err
	}
	c.routes.add(key, made, 1+a.TLS.size()/routeUnit)
	return made, nil
}

func (c *Client) session(key routeKey, route *route, reg name.Registry, credential Credential) *session {
	governor := keep(c.governors, governorKey(key, credential), func() *governor { return newGovernor(key.host, c.options.Concurrent) })
	return keep(c.sessions, sessionKey{key, fingerprint(credential)}, func() *session {
		return newSession(reg, key.insecure, credential, governor, &agentTransport{agent: c.options.UserAgent, next: route})
	})
}

// sweep forgets what has not been used for long.
func (c *Client) sweep() {
	c.routes.sweep()
	c.sessions.sweep()
	c.governors.sweep()
	c.accepted.sweep()
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
