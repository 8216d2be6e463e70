package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/controller"
)

// newManager makes what runs the agent's parts: cache, client, leader election, metrics and probes.
func newManager(opts *options) (ctrl.Manager, error) {
	config, err := clusterConfig(opts)
	if err != nil {
		return nil, err
	}
	if err := checkElection(opts); err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(v1.AddToScheme(scheme), corev1.AddToScheme(scheme), coordinationv1.AddToScheme(scheme), eventsv1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cacheOptions(opts),
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},
		Metrics:                       metricsserver.Options{BindAddress: opts.metricsAddr},
		HealthProbeBindAddress:        opts.healthAddr,
		GracefulShutdownTimeout:       &opts.grace,
		LeaderElection:                opts.leaderElection,
		LeaderElectionID:              name,
		LeaderElectionNamespace:       opts.namespace,
		LeaderElectionReleaseOnCancel: opts.release,
		LeaseDuration:                 &opts.leaseDuration,
		RenewDeadline:                 &opts.renew,
		RetryPeriod:                   &opts.poll,
	})
	if err != nil {
		return nil, err
	}
	return mgr, errors.Join(
		mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddReadyzCheck("objects", synced(mgr)),
	)
}

// podNamespace is where a Pod finds the name of its namespace.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// checkElection sees to it that there is a namespace for the lease.
func checkElection(opts *options) error {
	if !opts.leaderElection || opts.namespace != "" {
		return nil
	}
	if _, err := os.Stat(podNamespace); err != nil {
		return errors.New("--enable-leader-election needs RUNTIME_NAMESPACE in the environment where the agent runs in no Pod: the namespace of the lease")
	}
	return nil
}

func clusterConfig(opts *options) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = opts.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find cluster: %w", err)
	}
	config.QPS, config.Burst, config.UserAgent = float32(opts.qps), opts.burst, name
	return config, nil
}

// cacheOptions keeps objects without what only the API server needs to know of them.
func cacheOptions(opts *options) cache.Options {
	options := cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1.OCIRepository{}: {Label: opts.selector, Transform: controller.Slim},
			&corev1.Secret{}:    {Transform: nameAndVersion},
		},
	}
	if !opts.allNamespaces {
		options.DefaultNamespaces = map[string]cache.Config{opts.namespace: {}}
	}
	return options
}

// nameAndVersion is all that the cache keeps of a Secret. kubectl keeps a copy of what is in it in an annotation.
func nameAndVersion(secret any) (any, error) {
	if metadata, ok := secret.(metav1.Object); ok {
		metadata.SetManagedFields(nil)
		metadata.SetAnnotations(nil)
		metadata.SetLabels(nil)
	}
	return secret, nil
}

// synced says whether all objects have been read. The file server listens before the first probe is answered.
func synced(mgr ctrl.Manager) healthz.Checker {
	return func(r *http.Request) error {
		informer, err := mgr.GetCache().GetInformer(r.Context(), &v1.OCIRepository{}, cache.BlockUntilSynced(false))
		if err != nil {
			return err
		}
		if !informer.HasSynced() {
			return errors.New("objects are not all read yet")
		}
		return nil
	}
}
