package main

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// addGauges registers what the agent's parts know of themselves at any time.
func addGauges(files *store.Store, client *registry.Client) error {
	return errors.Join(
		metrics.Registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "oci_agent_store_bytes",
			Help: "Bytes of the artifacts on this replica's disk; equal ones count once.",
		}, func() float64 {
			_, bytes := files.Size()
			return float64(bytes)
		})),
		metrics.Registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "oci_agent_registries_in_trouble",
			Help: "Registries that asked to be left alone for a while, or that have all the requests to answer that they may have at once.",
		}, func() float64 {
			_, all := client.Troubles(0)
			return float64(all)
		})),
		quietRuntime(),
	)
}

// quietRuntime leaves the Go runtime's metrics at those that people look at. The library has registered all there are: 110 families more,
// nearly half of them about compatibility settings of Go.
func quietRuntime() error {
	if !metrics.Registry.Unregister(collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsAll))) {
		return errors.New("the Go runtime's metrics are not registered")
	}
	return metrics.Registry.Register(collectors.NewGoCollector())
}
