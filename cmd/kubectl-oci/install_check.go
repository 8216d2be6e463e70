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
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/dynamic"
)

// check tells before anything is changed why the agent should not be installed so.
func (o *installOptions) check(ctx context.Context, c *connection, streams genericiooptions.IOStreams) error {
	if err := c.permitted(ctx, o.objects, []string{"get", "create", "patch"}, streams.ErrOut); err != nil {
		return err
	}
	for _, look := range []func(context.Context, *connection) error{
		o.checkNamespace, o.checkDefinition, o.checkSourceController, o.checkOtherAgent, o.checkBefore,
	} {
		if err := look(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// checkNamespace looks for a namespace that the profile does not make.
func (o *installOptions) checkNamespace(ctx context.Context, c *connection) error {
	if o.objects.find("Namespace", "") != nil {
		return nil
	}
	name := o.objects.namespace()
	_, err := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &hintedError{fmt.Errorf("there is no namespace %q", name), "kubectl create namespace " + name}
	}
	return ignoreForbidden(err)
}

// checkDefinition looks for the kind OCIRepository where the profile leaves Flux's alone.
func (o *installOptions) checkDefinition(ctx context.Context, c *connection) error {
	if o.objects.find("CustomResourceDefinition", "ocirepositories.") != nil {
		return nil
	}
	_, err := repositories(c, o.objects.namespace(), func(r dynamic.ResourceInterface) (*unstructured.UnstructuredList, error) {
		return r.List(ctx, metav1.ListOptions{Limit: 1})
	})
	if _, unknown := errors.AsType[*hintedError](err); unknown {
		return &hintedError{fmt.Errorf("profile %s: %w", o.profile.name, err),
			"it takes Flux's definition, which is not there: without Flux, --profile " + profileDefault + " brings one"}
	}
	return ignoreForbidden(err)
}

func ignoreForbidden(err error) error {
	if apierrors.IsForbidden(err) {
		return nil // it will be told by whoever needs it
	}
	return err
}

const sourceController = "source-controller"

// checkSourceController refuses to write objects that a live source-controller writes, too.
func (o *installOptions) checkSourceController(ctx context.Context, c *connection) error {
	rivals, err := c.sourceControllers(ctx)
	if err != nil {
		return err
	}
	for i := range rivals {
		u := &rivals[i]
		replicas, found, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
		if found && replicas == 0 {
			continue
		}
		if err := o.beside(u); err != nil {
			return err
		}
	}
	return nil
}

// beside says how the agent and this source-controller can do without each other.
func (o *installOptions) beside(u *unstructured.Unstructured) error {
	place := fmt.Sprintf("source-controller runs in namespace %q", u.GetNamespace())
	stop := fmt.Sprintf("stop it, if nothing needs its other sources: kubectl scale deployment/%s -n %s --replicas=0", u.GetName(), u.GetNamespace())
	switch {
	case o.profile.name == profileReplace:
		return &hintedError{errors.New(place + ", and would write the same objects"), stop}
	case o.profile.shard == nil:
		return &hintedError{errors.New(place + ", and would write the same objects"),
			"--profile beside-flux leaves it the objects without a label, --profile " + profileReplace + " takes its place"}
	case selects(u, o.profile.shard):
		return &hintedError{fmt.Errorf("%s, and would write the objects with the label %s too", place, labels.Set(o.profile.shard)),
			"give it the flag --watch-label-selector=!sharding.fluxcd.io/key first; how: docs/flux-compatibility.md, both in one cluster"}
	}
	return nil
}

// selects tells whether a source-controller looks at objects with these labels.
func selects(u *unstructured.Unstructured, those map[string]string) bool {
	const flag = "--watch-label-selector="
	containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		container, _ := c.(map[string]any)
		args, _, _ := unstructured.NestedStringSlice(container, "args")
		i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, flag) })
		if i < 0 {
			continue
		}
		selector, err := labels.Parse(strings.TrimPrefix(args[i], flag))
		return err != nil || selector.Matches(labels.Set(those))
	}
	return true
}

// sourceControllers are those of the cluster, or of Flux's usual namespace where one may not look at all.
func (c *connection) sourceControllers(ctx context.Context) ([]unstructured.Unstructured, error) {
	deployments := c.client.Resource(deploymentResource())
	list, err := deployments.List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + sourceController})
	if err == nil && len(list.Items) > 0 {
		return list.Items, nil
	}
	if err := ignoreForbidden(err); err != nil {
		return nil, fmt.Errorf("look for source-controller: %w", err)
	}
	u, err := deployments.Namespace("flux-system").Get(ctx, sourceController, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look for source-controller: %w", err)
	}
	return []unstructured.Unstructured{*u}, nil
}

func deploymentResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}

// checkOtherAgent refuses a second agent for the same objects.
func (o *installOptions) checkOtherAgent(ctx context.Context, c *connection) error {
	bindings := schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}
	binding, err := c.client.Resource(bindings).Get(ctx, clusterRole, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, namespace := range subjectNamespaces(binding) {
		if namespace != o.objects.namespace() {
			return &hintedError{fmt.Errorf("an agent for the whole cluster is installed in namespace %q", namespace),
				fmt.Sprintf("upgrade that one with -n %s, or remove it: kubectl oci uninstall -n %s", namespace, namespace)}
		}
	}
	return nil
}

// clusterRole is the name of the ClusterRole and of its binding.
const clusterRole = "oci-agent"

func subjectNamespaces(binding *unstructured.Unstructured) (names []string) {
	subjects, _, _ := unstructured.NestedSlice(binding.Object, "subjects")
	for _, s := range subjects {
		if subject, ok := s.(map[string]any); ok {
			if name, ok := subject["namespace"].(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}
