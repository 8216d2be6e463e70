package main

import (
	"context"
	"errors"
	"path"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// inventoried is an object that a Kustomization has applied.
type inventoried struct {
	resource.ID
	version string
}

func kustomizationResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: groupKustomize, Version: "v1", Resource: "kustomizations"}
}

// readKustomization reads what matters here, whatever else is in the object.
func readKustomization(u *unstructured.Unstructured) (*kustomization, error) {
	k := &kustomization{namespace: u.GetNamespace(), name: u.GetName()}
	text := func(fields ...string) string {
		value, _, _ := unstructured.NestedString(u.Object, fields...)
		return value
	}
	k.targetNamespace, k.account = text("spec", "targetNamespace"), text("spec", "serviceAccountName")
	if k.folder = strings.Trim(path.Clean("/"+text("spec", "path")), "/"); k.folder == "." {
		k.folder = ""
	}
	k.prune, _, _ = unstructured.NestedBool(u.Object, "spec", "prune")
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	k.changes = changesToo(spec)
	entries, _, err := unstructured.NestedSlice(u.Object, "status", "inventory", "entries")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		id, _ := entry["id"].(string)
		version, _ := entry["v"].(string)
		if one, ok := parseInventory(id); ok {
			k.inventory = append(k.inventory, inventoried{one, version})
		}
	}
	return k, nil
}

// parseInventory reads <namespace>_<name>_<group>_<kind>, in which a colon of a name is written as two underscores.
func parseInventory(id string) (resource.ID, bool) {
	namespace, rest, ok := strings.Cut(id, "_")
	last := strings.LastIndexByte(rest, '_')
	if !ok || last < 0 {
		return resource.ID{}, false
	}
	kind, rest := rest[last+1:], rest[:last]
	last = strings.LastIndexByte(rest, '_')
	if last < 0 {
		return resource.ID{}, false
	}
	name := strings.ReplaceAll(rest[:last], "__", ":")
	return resource.ID{Group: rest[last+1:], Kind: kind, Namespace: namespace, Name: name}, name != "" && kind != ""
}

// keepAnnotation has kustomize-controller leave an object that is no longer in the artifact.
const keepAnnotation = "kustomize.toolkit.fluxcd.io/prune"

// pruned gives what the Kustomization has applied, is still there, and is not among the objects any more.
func (d *dryRun) pruned(ctx context.Context, objects []resource.Object) (gone []resource.Object) {
	stays := map[resource.ID]bool{}
	for _, o := range objects {
		stays[d.applied(ctx, o)] = true
	}
	for _, i := range d.owner.inventory {
		if stays[i.ID] {
			continue
		}
		live, err := d.live(ctx, i)
		switch {
		case apierrors.IsNotFound(err) || errors.Is(err, errUnserved):
		case err != nil:
			d.fail(resource.Object{ID: i.ID, File: "inventory of Kustomization " + d.owner.name}, err)
		case !d.owner.prune:
			d.report.line("%s stays: spec.prune of Kustomization %s is not set", i.ID, d.owner.name)
		case live.GetAnnotations()[keepAnnotation] == "disabled" || live.GetLabels()[keepAnnotation] == "disabled":
			d.report.line("%s stays: %s is disabled on it", i.ID, keepAnnotation)
		default:
			gone = append(gone, placed(essence(live), inCluster, 0))
		}
	}
	return gone
}

// applied is by what an inventory knows an object.
func (d *dryRun) applied(ctx context.Context, o resource.Object) resource.ID {
	version, _ := o.Content["apiVersion"].(string)
	id := o.ID
	kind, err := d.served(ctx, version, o.Kind)
	switch {
	case err == nil && !kind.namespaced:
		id.Namespace = ""
	case err == nil:
		id.Namespace = d.namespaceOf(o.Namespace)
	}
	return id
}

func (d *dryRun) live(ctx context.Context, i inventoried) (*unstructured.Unstructured, error) {
	version := schema.GroupVersion{Group: i.Group, Version: i.version}
	kind, err := d.served(ctx, version.String(), i.Kind)
	if err != nil {
		return nil, err
	}
	return d.client.Resource(kind.resource).Namespace(i.Namespace).Get(ctx, i.Name, metav1.GetOptions{})
}
