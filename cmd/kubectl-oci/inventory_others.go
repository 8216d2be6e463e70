package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// othersIn names what is in a namespace beside ours, and beside what Kubernetes makes by itself.
func (c *connection) othersIn(ctx context.Context, namespace string, ours installation) (names []string, err error) {
	kinds, err := c.listable(ctx)
	if err != nil {
		return nil, err
	}
	known := map[types.UID]bool{}
	for _, u := range ours {
		known[u.GetUID()] = true
	}
	var lists sync.WaitGroup
	found, errs := make([][]string, len(kinds)), make([]error, len(kinds))
	for i, kind := range kinds {
		lists.Go(func() { found[i], errs[i] = c.othersOf(ctx, kind, namespace, known) })
	}
	lists.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

func (c *connection) othersOf(ctx context.Context, kind schema.GroupVersionResource, namespace string, ours map[types.UID]bool) (names []string, err error) {
	list, err := c.client.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
		return nil, nil
	case apierrors.IsForbidden(err): // something may be in there, and nobody is to lose it
		return []string{kind.Resource + " that you may not list"}, nil
	case err != nil:
		return nil, fmt.Errorf("list %s: %w", kind.Resource, err)
	}
	for _, u := range list.Items {
		if !ours[u.GetUID()] && !isDerived(&u) {
			names = append(names, objectTitle(&u))
		}
	}
	return names, nil
}

// isDerived tells what comes and goes by itself: with its owner, its Service, or the namespace.
func isDerived(u *unstructured.Unstructured) bool {
	switch u.GetKind() {
	case "Event", "Endpoints", "PodMetrics":
		return true
	case "ServiceAccount":
		return u.GetName() == "default"
	case "ConfigMap":
		return u.GetName() == "kube-root-ca.crt" || u.GetName() == "openshift-service-ca.crt"
	}
	return len(u.GetOwnerReferences()) > 0
}
