package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// rootPatience is how long an object waits for the public trusted root: others may need its worker, and it is looked at again soon.
const rootPatience = 5 * time.Second

// newVerifier holds identities against the trusted root in the file, or without one against the public root, which is fetched when it is
// needed.
func newVerifier(path string) (*signature.Verifier, error) {
	options := signature.Options{Patience: rootPatience}
	if path != "" {
		var err error
		if options.TrustedRoot, err = os.ReadFile(path); err == nil {
			err = signature.CheckTrustedRoot(options.TrustedRoot)
		}
		if err != nil {
			return nil, fmt.Errorf("open trusted root %q: %w", path, err)
		}
	}
	return signature.NewVerifier(options), nil
}

// What a search for a signature came to, in the metric.
const (
	verified    = "verified"
	refused     = "refused"
	unreachable = "unreachable"
)

// countVerifications registers the metric, and gives what counts.
func countVerifications() (func(error), error) {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "oci_agent_verifications_total",
		Help: "Searches for a signature or an attestation that is required, by what came of them.",
	}, []string{"result"})
	for _, result := range []string{verified, refused, unreachable} {
		counter.WithLabelValues(result)
	}
	count := func(err error) { counter.WithLabelValues(resultOf(err)).Inc() }
	return count, metrics.Registry.Register(counter)
}

func resultOf(err error) string {
	failed, ok := errors.AsType[*signature.Error](err)
	switch {
	case err == nil:
		return verified
	case ok && failed.Definite():
		return refused
	}
	return unreachable
}
