// Package cloud logs in to the registries of cloud providers: with the identity that a provider gives to a ServiceAccount of the cluster,
// or with the agent's own.
//
// [Identities.Credential] gives a registry's credential, and keeps it until shortly before it ends. The providers' own libraries find out
// who asks: from the environment of the process, files that the cluster mounts, and the metadata service of the machine. They connect to
// the endpoints of their provider alone, through the proxy of the environment, never through a tenant's.
//
// What it refuses: a host that is no registry of the provider. A credential is never sent here, only fetched.
package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/fluxcd/pkg/auth"
	"github.com/fluxcd/pkg/auth/aws"
	"github.com/fluxcd/pkg/auth/azure"
	"github.com/fluxcd/pkg/auth/gcp"
	"golang.org/x/sync/singleflight"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Identities logs in. Its fields but Client are for itself. It is safe for concurrent use.
type Identities struct {
	// Client asks the API server for tokens of ServiceAccounts, which the provider takes for the identity that they stand for.
	Client client.SubResourceClientConstructor

	flight singleflight.Group

	mu     sync.Mutex
	issued map[key]issued
}

// key is who logs in where.
type key [sha256.Size]byte

type issued struct {
	credential registry.Credential
	renew, end time.Time
}

// loginTimeout bounds one login, which takes several requests.
const loginTimeout = 30 * time.Second

// provider knows how to log in at one cloud.
type provider = auth.ArtifactRegistryCredentialsProvider

func providerOf(name string) (provider, error) {
	switch name {
	case aws.ProviderName:
		return aws.Provider{}, nil
	case azure.ProviderName:
		return azure.Provider{}, nil
	case gcp.ProviderName:
		return gcp.Provider{}, nil
	}
	return nil, fmt.Errorf("there is no provider %q", name)
}

// Credential gives the credential that a provider, aws, azure or gcp, issues for a repository: to a ServiceAccount or, where account is
// nil, to the agent.
func (i *Identities) Credential(ctx context.Context, name string, ref registry.Reference, account *corev1.ServiceAccount) (registry.Credential, error) {
	p, err := providerOf(name)
	if err != nil {
		return registry.Credential{}, err
	}
	host, err := p.ParseArtifactRepository(ref.Name())
	if err != nil { // with a regular expression in it that nobody wants to read
		return registry.Credential{}, &OtherRegistryError{Registry: ref.Registry, Provider: name}
	}
	login := login{provider: p, repository: ref.Name(), input: host, account: account, client: i.Client}
	return i.get(ctx, login)
}

// get gives a credential that is known, or has one issued, once for all who wait for it.
func (i *Identities) get(ctx context.Context, l login) (registry.Credential, error) {
	k := l.key()
	if known, ok := i.known(k); ok {
		return known, nil
	}
	result := i.flight.DoChan(string(k[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loginTimeout)
		defer cancel()
		fresh, end, err := l.safely(ctx)
		if err != nil {
			return registry.Credential{}, &loginError{err}
		}
		i.keep(k, fresh, end)
		return fresh, nil
	})
	select {
	case <-ctx.Done():
		return registry.Credential{}, context.Cause(ctx)
	case r := <-result:
		return r.Val.(registry.Credential), r.Err
	}
}

func (i *Identities) known(k key) (registry.Credential, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	found, ok := i.issued[k]
	return found.credential, ok && time.Now().Before(found.renew)
}

// early is how long before its end a credential is renewed: a download that begins with it takes a while.
const early = 5 * time.Minute

// keep notes a credential, and forgets those that have ended.
func (i *Identities) keep(k key, c registry.Credential, end time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.issued == nil {
		i.issued = map[key]issued{}
	}
	now := time.Now()
	for other, known := range i.issued {
		if now.After(known.end) {
			delete(i.issued, other)
		}
	}
	life := end.Sub(now)
	i.issued[k] = issued{credential: c, renew: end.Add(-min(early, life/5)), end: end}
}

// key changes with everything that decides over the credential.
func (l login) key() key {
	who := []any{l.provider.GetName(), l.input}
	if a := l.account; a != nil {
		who = append(who, a.Namespace, a.Name, a.UID, a.Annotations)
	}
	raw, err := json.Marshal(who)
	if err != nil {
		panic("cloud: an identity that JSON cannot hold: " + err.Error())
	}
	return sha256.Sum256(raw)
}
