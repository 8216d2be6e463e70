package main

import (
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
}

func (r *remote) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&r.insecure, "insecure", false,
		"allow plain HTTP and TLS certificates that nobody vouches for (loopback registries may speak plain HTTP anyway)")
	flags.DurationVar(&r.timeout, "timeout", time.Minute, "how long the registry may stand still; slow is allowed")
}

// open finds credentials in the Docker config and gives ref's repository.
func (r *remote) open(ref registry.Reference, push bool) (*registry.Repository, error) {
	credentials, err := registry.DockerCredentials(ref)
	if err != nil {
		return nil, &registryError{ref.Registry, err}
	}
	client := registry.NewClient(registry.Options{
		UserAgent: "kubectl-oci/" + buildVersion(),
		Retry:     true,
		Patience:  patience,
	})
	return client.Repository(ref, registry.Access{
		Credentials: credentials,
		Insecure:    r.insecure,
		Timeout:     r.timeout,
		Push:        push,
	})
}
