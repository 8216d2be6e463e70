package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// How long a command waits for a registry that asks for fewer requests, before it gives up and says when to come back.
const patience = time.Minute

// remote is how the registry is reached: the flags that all commands share which talk to one.
type remote struct {
	insecure bool
	timeout  time.Duration
	tls      tlsFiles
	pass     pass

	found credentialPlace // of the credential that open found
}

// credentialPlace is where a credential came from.
type credentialPlace int

const (
	nowhere credentialPlace = iota
	inDockerConfig
	inFlags
	atProvider
)

// addFlags adds all flags; a password comes from stdin where a flag says so.
func (r *remote) addFlags(flags *pflag.FlagSet, stdin io.Reader) {
	r.addReachFlags(flags)
	r.pass.addFlags(flags, stdin)
}

// addReachFlags adds those that say nothing of who we are, but for a certificate.
func (r *remote) addReachFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&r.insecure, "insecure", false,
		"allow plain HTTP and TLS certificates that nobody vouches for (loopback registries may speak plain HTTP anyway)")
	flags.DurationVar(&r.timeout, "timeout", time.Minute, "how long the registry may stand still; slow is allowed")
	r.tls.addFlags(flags)
}

// validate checks the flags of a command that asks these registries; none where only files say which they are.
func (r *remote) validate(refs ...registry.Reference) error {
	if r.timeout <= 0 {
		return usageError{fmt.Errorf("--timeout %s is no time to wait", r.timeout)}
	}
	if err := r.tls.validate(); err != nil {
		return err
	}
	return r.pass.validate(r.tls.shows(), r.insecure, refs)
}

// used tells whether something was said that makes sense for registries alone. --timeout does not count.
func (r *remote) used() bool { return r.insecure || r.tls.used() || r.pass.used() }

// open finds credentials and gives ref's repository. Nothing is sent to it yet.
func (r *remote) open(ctx context.Context, ref registry.Reference, push bool, report *reporter) (*registry.Repository, error) {
	return r.openOn(ctx, newClient(report), ref, registry.Access{Push: push}, report)
}

// openOn is open for who has a client, and needs more of the access than flags and credentials.
func (r *remote) openOn(
	ctx context.Context, client *registry.Client, ref registry.Reference, a registry.Access, report *reporter,
) (*registry.Repository, error) {
	if err := r.reach(&a, r.pass.isFor(ref)); err != nil {
		return nil, err
	}
	var err error
	if a.Credentials, r.found, err = r.pass.credentials(ctx, ref, report); err != nil {
		return nil, r.blame(ref, err)
	}
	return client.Repository(ref, a)
}

// reach fills in all of the access but who we are. The certificate is shown, and --insecure counts, where known is set: of several registries
// it is one that nobody vouches for.
func (r *remote) reach(a *registry.Access, known bool) (err error) {
	a.Insecure, a.Timeout = r.insecure && known, r.timeout
	a.TLS, err = r.tls.read(known)
	return err
}

func newClient(report *reporter) *registry.Client {
	return registry.NewClient(registry.Options{
		UserAgent: "kubectl-oci/" + buildVersion(),
		Retry:     true,
		Patience:  patience,
		Waiting:   report.waiting,
	})
}

// blame says which registry an error is about, and with whose credential it was asked.
func (r *remote) blame(ref registry.Reference, err error) error {
	return &registryError{host: ref.Registry, found: r.found, err: err}
}
