package registry

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Credential is one way to authenticate to a registry. The zero value is anonymous.
type Credential struct {
	Username      string
	Password      string
	IdentityToken string // an OAuth refresh token, exchanged for access tokens
	RegistryToken string // sent as it is, as a bearer token
	// Identity says who it is where the rest is renewed now and then: credentials of one identity open the same. It is never sent.
	// Empty: each is its own.
	Identity string
}

// identity is what stays of c when it is renewed.
func (c Credential) identity() Credential {
	if c.Identity == "" {
		return c
	}
	return Credential{Identity: c.Identity}
}

func identities(all []Credential) []Credential {
	lasting := make([]Credential, len(all))
	for i, c := range all {
		lasting[i] = c.identity()
	}
	return lasting
}

// String hides the secret parts, so that a credential may meet a log or an error. A name without a password may be one.
func (c Credential) String() string {
	switch {
	case c == Credential{}:
		return "anonymous"
	case c.Username != "" && c.Password != "":
		return "user " + c.Username
	default:
		return "token"
	}
}

// manner completes "asked …".
func (c Credential) manner() string {
	switch {
	case c == Credential{}:
		return "without a credential"
	case c.Username != "" && c.Password != "":
		return fmt.Sprintf("as user %.64q", c.Username)
	default:
		return "with a token"
	}
}

// GoString is [Credential.String]: %#v shows no secret either.
func (c Credential) GoString() string { return c.String() }

func (c Credential) authenticator() authn.Authenticator {
	return authn.FromConfig(authn.AuthConfig{
		Username:      c.Username,
		Password:      c.Password,
		IdentityToken: c.IdentityToken,
		RegistryToken: c.RegistryToken,
	})
}

// Access says how a repository is reached.
type Access struct {
	// Credentials are tried in order; the next one only when the registry answers 401 or 403. None: anonymous.
	Credentials []Credential
	// Insecure allows plain HTTP and, unless TLS says whom to trust, certificates that nobody vouches for. Loopback hosts may speak
	// plain HTTP anyway.
	Insecure bool
	// Timeout bounds the wait for the headers of each response, and for each 64 KiB of a body or its end; a body that moves faster
	// than that may take any time. Zero means one minute.
	Timeout time.Duration
	// Push asks for the right to write from the start, which saves a token.
	Push bool
	// Mount is the path of a repository of the same registry that blobs are taken from, where the registry does that, in place of
	// sending them. Empty: none.
	Mount string
	// TLS has the registry's own authorities and our certificate. The hosts that the registry leads to are held to it, too.
	TLS TLS
	// Proxy passes the requests on, all of them. The zero value: the environment's.
	Proxy Proxy
	// Reach says where connections may lead. The zero value: anywhere.
	Reach Reach
	// After is the time before which nothing counts that the registry said: a poll that began earlier, for somebody else, is not
	// shared. Zero: any recent one will do.
	After time.Time
}

const defaultTimeout = time.Minute

func (a Access) timeout() time.Duration {
	if a.Timeout <= 0 {
		return defaultTimeout
	}
	return a.Timeout
}

func (a Access) action() string {
	if a.Push {
		return transport.PushScope
	}
	return transport.PullScope
}

// candidates is never empty.
func (a Access) candidates() []Credential {
	if len(a.Credentials) == 0 {
		return []Credential{{}}
	}
	return a.Credentials
}

// Fingerprint identifies the way in without keeping the secrets in it. After is no part of it, nor what an identity renews.
func (a Access) Fingerprint() [sha256.Size]byte {
	a.After = time.Time{}
	a.Credentials = identities(a.Credentials)
	return fingerprint(a)
}

// fingerprint identifies a value without keeping the secrets in it.
func fingerprint(v any) [sha256.Size]byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("registry: fingerprint of a value that JSON cannot hold: " + err.Error())
	}
	return sha256.Sum256(raw)
}
