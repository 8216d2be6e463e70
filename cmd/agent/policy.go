package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
)

// lookAtPolicy is how long a new version of the file may go unnoticed where no object asks for it. The kubelet takes longer to bring one.
const lookAtPolicy = 5 * time.Second

// rules are what the administrator's file says at any time. The zero value: there is no file.
type rules struct {
	current func() *attempt.Rules
	changes <-chan struct{}
}

// openPolicy reads the file, and follows it until the context is done.
func openPolicy(ctx context.Context, log *slog.Logger, path string) (rules, error) {
	if path == "" {
		return rules{}, nil
	}
	broken := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "oci_agent_policy_errors_total",
		Help: "Versions of the policy file that cannot be used; the last good one stays in force.",
	})
	now := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "oci_agent_policy_broken",
		Help: "Whether the policy file as it is now cannot be used (1) or can (0).",
	})
	if err := errors.Join(metrics.Registry.Register(broken), metrics.Registry.Register(now)); err != nil {
		return rules{}, err
	}
	changes := make(chan struct{}, 1)
	file, err := policy.Open(path, attempt.NewRules, func(err error) {
		if err != nil {
			broken.Inc()
			now.Set(1)
			log.Error("the policy cannot be used, the last good one stays in force", "error", err)
			return
		}
		now.Set(0)
		log.Info("the policy has changed, and counts from now on", "policy", path)
		select {
		case changes <- struct{}{}:
		default: // one waits already
		}
	})
	if err != nil {
		return rules{}, err
	}
	go file.Watch(ctx, lookAtPolicy)
	return rules{file.Current, changes}, nil
}
