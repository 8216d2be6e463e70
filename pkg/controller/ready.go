package controller

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/status"
)

// listTimeout bounds how long a scrape waits for a cache that is not filled yet.
const listTimeout = 2 * time.Second

// Readiness is the metric that alerts read: which objects are ready, as the replica that leads knows them; the others have none. It is
// made anew from the cache at each scrape, so that it goes with its object. See [NewReadiness].
type Readiness struct {
	reconciler *Reconciler
	gauge      *prometheus.Desc
}

// NewReadiness makes it for the objects of a reconciler.
func NewReadiness(r *Reconciler) *Readiness {
	return &Readiness{r, prometheus.NewDesc("oci_agent_object_ready",
		"Whether the object's condition Ready is True (1) or not (0).", []string{"namespace", "name"}, nil)}
}

// Describe implements prometheus.Collector.
func (m *Readiness) Describe(to chan<- *prometheus.Desc) { to <- m.gauge }

// Collect implements prometheus.Collector. An object that has no answer yet is neither ready nor not, nor is one whose
// first artifact waits for a window. For one that is suspended, or another controller's, the agent has nothing to answer for.
func (m *Readiness) Collect(to chan<- prometheus.Metric) {
	if !m.reconciler.leads() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), listTimeout) // the interface brings none
	defer cancel()
	var objects v1.OCIRepositoryList
	if err := m.reconciler.Client.List(ctx, &objects, client.UnsafeDisableDeepCopy); err != nil {
		return // the cache is not filled yet: there is nothing to tell
	}
	for i := range objects.Items {
		o := &objects.Items[i]
		if state := m.reconciler.state(o); state == status.Suspended || state == status.Elsewhere {
			continue
		}
		is, value := ready(o.Status), 0.0
		if is.Status == metav1.ConditionTrue {
			value = 1
		}
		if is.Status == metav1.ConditionTrue || is.Status == metav1.ConditionFalse {
			to <- prometheus.MustNewConstMetric(m.gauge, prometheus.GaugeValue, value, o.Namespace, o.Name)
		}
	}
}
