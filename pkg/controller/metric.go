package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// NewDurations makes the metric that dashboards for Flux read: how long the reconciles of each object take, in seconds.
func NewDurations() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "gotk_reconcile_duration_seconds",
		Help:    "The duration in seconds of a reconciliation of an object.",
		Buckets: prometheus.ExponentialBuckets(10e-9, 10, 10),
	}, []string{"kind", "name", "namespace"})
}

func labels(namespace, name string) prometheus.Labels {
	return prometheus.Labels{"kind": v1.KindOCIRepository, "name": name, "namespace": namespace}
}

func (r *Reconciler) observe(object *v1.OCIRepository, start time.Time) {
	r.Durations.With(labels(object.Namespace, object.Name)).Observe(time.Since(start).Seconds())
}
