package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// inventory is what an installation left in the cluster.
type inventory struct {
	ours  installation // in the order in which it goes: the agent first, what it needs to end well last
	stays []string     // for people
}

// kindsInNamespace are all kinds that manifests and components have, in the order in which they go.
func kindsInNamespace() []schema.GroupVersionResource {
	monitoring, rbac := schema.GroupVersion{Group: monitoringGroup, Version: "v1"}, schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}
	core := schema.GroupVersion{Version: "v1"}
	return []schema.GroupVersionResource{
		deploymentResource(),
		{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
		core.WithResource("services"),
		monitoring.WithResource("servicemonitors"), monitoring.WithResource("prometheusrules"),
		core.WithResource("configmaps"),
		rbac.WithResource("rolebindings"), rbac.WithResource("roles"),
		core.WithResource("serviceaccounts"),
		{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	}
}

const monitoringGroup = "monitoring.coreos.com" // the Prometheus operator's

// agentNamespace finds the one agent of the cluster, unless its namespace is given.
func (c *connection) agentNamespace(ctx context.Context, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	list, err := c.client.Resource(deploymentResource()).List(ctx, metav1.ListOptions{LabelSelector: partOfLabel + "=" + partOf})
	if apierrors.IsForbidden(err) {
		return c.namespace, nil
	}
	if err != nil {
		return "", fmt.Errorf("look for the agent: %w", err)
	}
	var places []string
	for _, u := range list.Items {
		if u.GetName() == agentName {
			places = append(places, u.GetNamespace())
		}
	}
	switch len(places) {
	case 0:
		return "", &hintedError{errors.New("no agent is installed"), "-n names a namespace where something of it may be left"}
	case 1:
		return places[0], nil
	}
	return "", &hintedError{fmt.Errorf("there are several agents, in the namespaces %s", strings.Join(places, ", ")), "-n says which one"}
}

// inventory looks for all that has our label, and for what stays.
func (c *connection) inventory(ctx context.Context, namespace string) (*inventory, error) {
	found, err := c.applied(ctx, namespace)
	if err != nil {
		return nil, err
	}
	return found, found.look(ctx, c, namespace, found.addLease, found.addNamespace, found.countRepositories)
}

// applied looks for what came from manifests alone.
func (c *connection) applied(ctx context.Context, namespace string) (*inventory, error) {
	found := &inventory{}
	return found, found.look(ctx, c, namespace, found.addKinds, found.addService, found.addRights)
}

func (v *inventory) look(ctx context.Context, c *connection, namespace string, looks ...func(context.Context, *connection, string) error) error {
	for _, look := range looks {
		if err := look(ctx, c, namespace); err != nil {
			return err
		}
	}
	return nil
}

func (v *inventory) addKinds(ctx context.Context, c *connection, namespace string) error {
	for _, kind := range kindsInNamespace() {
		list, err := c.client.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: partOfLabel + "=" + partOf})
		switch {
		case apierrors.IsNotFound(err), apierrors.IsForbidden(err) && kind.Group == monitoringGroup: // most clusters have none of these
			continue
		case err != nil:
			return fmt.Errorf("list %s: %w", kind.Resource, err)
		}
		v.add(list)
	}
	return nil
}

func (v *inventory) add(list *unstructured.UnstructuredList) {
	for i := range list.Items {
		v.ours = append(v.ours, &list.Items[i])
	}
}

// addService looks for the Service that took over source-controller's. It may be Flux's again, or still.
func (v *inventory) addService(ctx context.Context, c *connection, namespace string) error {
	services := schema.GroupVersionResource{Version: "v1", Resource: "services"}
	u, err := c.client.Resource(services).Namespace(namespace).Get(ctx, sourceController, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get service %q: %w", sourceController, err)
	}
	managers := managersOf(u)
	switch {
	case slices.Equal(managers, []string{fieldManager}):
		v.ours = append(v.ours, u)
	default:
		v.stays = append(v.stays, fmt.Sprintf("%s, which others manage: %s", objectTitle(u), strings.Join(managers, ", ")))
	}
	return nil
}

// managersOf names who has set fields of the object's.
func managersOf(u *unstructured.Unstructured) (names []string) {
	for _, entry := range u.GetManagedFields() {
		if entry.Subresource == "" && !slices.Contains(names, entry.Manager) {
			names = append(names, entry.Manager)
		}
	}
	return names
}

// addRights looks for bindings of this namespace's agent, and for their roles.
func (v *inventory) addRights(ctx context.Context, c *connection, namespace string) error {
	rbac := schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}
	ours := metav1.ListOptions{LabelSelector: partOfLabel + "=" + partOf}
	bindings, err := c.client.Resource(rbac.WithResource("clusterrolebindings")).List(ctx, ours)
	if apierrors.IsForbidden(err) {
		return nil // a tenant's agent has none
	}
	if err != nil {
		return fmt.Errorf("list clusterrolebindings: %w", err)
	}
	roles := map[string]bool{}
	bindings.Items = slices.DeleteFunc(bindings.Items, func(u unstructured.Unstructured) bool {
		return !slices.Contains(subjectNamespaces(&u), namespace)
	})
	for _, u := range bindings.Items {
		name, _, _ := unstructured.NestedString(u.Object, "roleRef", "name")
		roles[name] = true
	}
	v.add(bindings)
	list, err := c.client.Resource(rbac.WithResource("clusterroles")).List(ctx, ours)
	if err != nil {
		return fmt.Errorf("list clusterroles: %w", err)
	}
	list.Items = slices.DeleteFunc(list.Items, func(u unstructured.Unstructured) bool { return !roles[u.GetName()] })
	v.add(list)
	return nil
}

// addLease looks for what the agent itself made.
func (v *inventory) addLease(ctx context.Context, c *connection, namespace string) error {
	u, err := c.client.Resource(leaseResource()).Namespace(namespace).Get(ctx, agentLease, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), len(v.ours) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("get lease %q: %w", agentLease, err)
	}
	v.ours = append(v.ours, u)
	return nil
}

// addNamespace looks whether the namespace was made for the agent, and has nothing in it but that.
func (v *inventory) addNamespace(ctx context.Context, c *connection, namespace string) error {
	namespaces := schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	u, err := c.client.Resource(namespaces).Get(ctx, namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsForbidden(err):
		v.stays = append(v.stays, "namespace/"+namespace)
		return nil
	case err != nil:
		return fmt.Errorf("get namespace %q: %w", namespace, err)
	case !isOurs(u):
		v.stays = append(v.stays, objectTitle(u)+", which somebody else made")
		return nil
	}
	others, err := c.othersIn(ctx, namespace, v.ours)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		v.stays = append(v.stays, fmt.Sprintf("%s, with %s in it", objectTitle(u), someOf(others)))
		return nil
	}
	v.ours = append(v.ours, u)
	return nil
}

// someOf names a few.
func someOf(names []string) string {
	const few = 3
	text := strings.Join(names[:min(len(names), few)], ", ")
	if more := len(names) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// countRepositories says what stays of all: the definition, and the objects.
func (v *inventory) countRepositories(ctx context.Context, c *connection, namespace string) error {
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	for _, plural := range []string{"buckets", "gitrepositories", "helmcharts", "ocirepositories"} {
		u, err := c.client.Resource(crds).Get(ctx, plural+"."+v1.Group, metav1.GetOptions{})
		if err == nil && (isOurs(u) || plural == "ocirepositories") {
			v.stays = append(v.stays, objectTitle(u))
		}
	}
	roles := schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
	for _, name := range []string{"ocirepositories-view", "ocirepositories-edit"} {
		if u, err := c.client.Resource(roles).Get(ctx, name, metav1.GetOptions{}); err == nil && isOurs(u) {
			v.stays = append(v.stays, objectTitle(u))
		}
	}
	ask := func(r dynamic.ResourceInterface) (*unstructured.UnstructuredList, error) {
		return r.List(ctx, metav1.ListOptions{})
	}
	list, err := repositories(c, "", ask)
	if apierrors.IsForbidden(err) {
		list, err = repositories(c, namespace, ask)
	}
	if err != nil {
		return nil //nolint:nilerr // it is said for completeness alone, and the definition may be gone
	}
	if n := len(list.Items); n > 0 {
		v.stays = append(v.stays, count(n, "object")+" of the kind OCIRepository, whose artifacts nobody serves any more")
	}
	return nil
}
