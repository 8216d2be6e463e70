package main

import (
	"fmt"
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

	known bool // to the Docker config, which has a credential
}

func (r *remote) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&r.insecure, "insecure", false,
		"allow plain HTTP and TLS certificates that nobody vouches for (loopback registries may speak plain HTTP anyway)")
	flags.DurationVar(&r.timeout, "timeout", time.Minute, "how long the registry may stand still; slow is allowed")
}

func (r *remote) validate() error {
	if r.timeout <= 0 {
		return usageError{fmt.Errorf("--timeout %s is no time to wait", r.timeout)}
	}
	return nil
}

// open finds credentials in the Docker config and gives ref's repository. Nothing is sent yet.
func (r *remote) open(ref registry.Reference, push bool, report *reporter) (*registry.Repository, error) {
	return r.openOn(newClient(report), ref, registry.Access{Push: push})
}

// openOn is open for who has a client, and needs more of the access than flags and credentials.
func (r *remote) openOn(client *registry.Client, ref registry.Reference, a registry.Access) (*registry.Repository, error) {
	credentials, err := registry.DockerCredentials(ref)
	if err != nil {
		return nil, r.blame(ref, err)
	}
	r.known = len(credentials) > 0
	a.Credentials, a.Insecure, a.Timeout = credentials, r.insecure, r.timeout
	return client.Repository(ref, a)
}

func newClient(report *reporter) *registry.Client {
	return registry.NewClient(registry.Options{
		UserAgent: "kubectl-oci/" + buildVersion(),
		Retry:     true,
		Patience:  patience,
		Waiting:   report.waiting,
	})
}

// blame says which registry an error is about, and whether it was asked with a credential.
func (r *remote) blame(ref registry.Reference, err error) error {
	return &registryError{host: ref.Registry, known: r.known, err: err}
}
