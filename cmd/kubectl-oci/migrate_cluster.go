package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
)

// readKind is a kind that may be a source, or use one. The first version that the cluster serves is read.
type readKind struct {
	group, resource string
	versions        []string
}

func migrateKinds() []readKind {
	return []readKind{
		{groupSource, "gitrepositories", []string{"v1", "v1beta2"}},
		{groupSource, "buckets", []string{"v1", "v1beta2"}},
		{groupSource, "ocirepositories", []string{"v1", "v1beta2"}},
		{groupSource, "helmrepositories", []string{"v1", "v1beta2"}},
		{groupSource, "externalartifacts", []string{"v1"}},
		{groupKustomize, "kustomizations", []string{"v1", "v1beta2"}},
		{"helm.toolkit.fluxcd.io", "helmreleases", []string{"v2", "v2beta2"}},
		{"image.toolkit.fluxcd.io", "imageupdateautomations", []string{"v1", "v1beta2"}},
		{"notification.toolkit.fluxcd.io", "alerts", []string{"v1beta3", "v1beta2"}},
		{"notification.toolkit.fluxcd.io", "receivers", []string{"v1", "v1beta2"}},
	}
}

// readCluster takes the place of files.
func readCluster(ctx context.Context, client dynamic.Interface, report *reporter) (*rewriting, error) {
	r := &rewriting{}
	for _, kind := range migrateKinds() {
		list, err := kind.list(ctx, client)
		if apierrors.IsForbidden(err) {
			report.line("left alone: %s, which you may not list", kind.resource)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", kind.resource, err)
		}
		for _, o := range list {
			if err := r.addObject(o); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// list gives the objects of all namespaces; none where the cluster does not know the kind.
func (k *readKind) list(ctx context.Context, client dynamic.Interface) (all []unstructured.Unstructured, err error) {
	for _, version := range k.versions {
		resource := client.Resource(schema.GroupVersionResource{Group: k.group, Version: version, Resource: k.resource})
		options := metav1.ListOptions{Limit: 500}
		for all = nil; ; {
			page, err := resource.List(ctx, options)
			if apierrors.IsNotFound(err) {
				break
			}
			if err != nil {
				return nil, err
			}
			all = append(all, page.Items...)
			if options.Continue = page.GetContinue(); options.Continue == "" {
				return all, nil
			}
		}
	}
	return nil, nil
}

// addObject takes up what somebody wrote of an object, as a file of its own.
func (r *rewriting) addObject(o unstructured.Unstructured) error {
	metadata := map[string]any{"name": o.GetName(), "namespace": o.GetNamespace()}
	annotations := o.GetAnnotations()
	for _, own := range []string{"kubectl.kubernetes.io/last-applied-configuration", "reconcile.fluxcd.io/requestedAt"} {
		delete(annotations, own)
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	if labels := o.GetLabels(); len(labels) > 0 {
		metadata["labels"] = labels
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "metadata": metadata, "spec": o.Object["spec"],
	})
	if err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	edits, err := edit.Parse(text)
	if err != nil {
		return fmt.Errorf("read %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	shown := strings.ToLower(o.GetKind()) + "/" + o.GetNamespace() + "/" + o.GetName()
	r.files = append(r.files, &rewritten{name: shown, shown: shown, before: text, edits: edits})
	return nil
}

// appliers warns of objects that are applied from somewhere, where the change has to be made.
func appliers(objects []writtenObject) []string {
	var all []string
	for i := range objects {
		o := &objects[i]
		labels := o.Field("metadata", "labels")
		name := labels.Field("kustomize.toolkit.fluxcd.io/name").String()
		if o.file.edits.Changed() && name != "" {
			from := labels.Field("kustomize.toolkit.fluxcd.io/namespace").String() + "/" + name
			all = append(all, o.at(o.Value, errors.New(o.ID.String()+" is applied by Kustomization "+from+": change it where that comes from")).Error())
		}
	}
	return all
}
