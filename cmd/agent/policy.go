package main

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
)

// openPolicy gives what the file permits at any time; nil without a file.
func openPolicy(log *slog.Logger, path string) (func() *policy.Policy, error) {
	if path == "" {
		return nil, nil
	}
	broken := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "oci_agent_policy_errors_total",
		Help: "Versions of the policy file that cannot be used; the last good one stays in force.",
	})
	if err := metrics.Registry.Register(broken); err != nil {
		return nil, err
	}
	file, err := policy.Open(path, func(err error) {
		if err == nil {
			log.Info("the policy has changed, and counts from now on", "policy", path)
			return
		}
		broken.Inc()
		log.Error("the policy cannot be used, the last good one stays in force", "error", err)
	})
	if err != nil {
		return nil, err
	}
	return file.Policy, nil
}
