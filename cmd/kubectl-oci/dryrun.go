package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// dryRun applies objects without changing anything, and compares what would become of them with what they are.
type dryRun struct {
	*connection
	manager   string
	namespace string // of objects that name none
	owner     *kustomization
	report    *reporter

	mu     sync.Mutex
	kinds  map[string]*servedKinds // by API version
	brings map[string]bool         // namespaces and kinds that come with the objects
	failed int                     // objects that could not be compared
	files  bool                    // among them are files
	hint   string                  // what to do about the first of them for which that is known
}

// maxDryRuns bounds the requests under way: each costs the API server a whole admission.
const maxDryRuns = 8

// inCluster is the name of the file in which live objects are.
const inCluster = "cluster"

// compare gives the objects as they are and as they would be. What cannot be compared is told, counted, and left out of both.
func (d *dryRun) compare(ctx context.Context, objects []resource.Object) (before, after *resource.Set) {
	d.brings = broughtBy(objects)
	type pair struct {
		old, new map[string]any
		err      error
	}
	pairs := make([]pair, len(objects))
	var group errgroup.Group
	group.SetLimit(maxDryRuns)
	for i, o := range objects {
		group.Go(func() error {
			old, now, err := d.one(ctx, o)
			pairs[i] = pair{old, now, err}
			return nil
		})
	}
	_ = group.Wait() // each object's error is its own
	before, after = &resource.Set{}, &resource.Set{}
	for i, p := range pairs {
		if p.err != nil {
			d.fail(objects[i], p.err)
			continue
		}
		if p.old != nil {
			before.Objects = append(before.Objects, placed(p.old, inCluster, 0))
		}
		if p.new != nil {
			after.Objects = append(after.Objects, placed(p.new, objects[i].File, objects[i].Line))
		}
	}
	return before, after
}

func (d *dryRun) fail(o resource.Object, err error) {
	d.failed++
	d.hint = cmp.Or(d.hint, d.hintFor(err))
	if o.Group == "" && o.Kind == "Secret" && quotes(err) {
		err = errQuoted
	}
	if o.Kind == "" {
		d.files = true
		if e, ok := errors.AsType[*resource.Error](err); ok {
			err, o.Line = e.Err, e.Line
		}
		d.report.always("%s: %s", placeOf(o), oneLine(err))
		return
	}
	d.report.always("%s: %s: %s", placeOf(o), o.ID, oneLine(err))
}

func (d *dryRun) hintFor(err error) string {
	var missing metav1.StatusDetails
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok && apierrors.IsNotFound(err) && status.ErrStatus.Details != nil {
		missing = *status.ErrStatus.Details
	}
	switch {
	case apierrors.IsForbidden(err):
		return "the rights to get and patch are needed for what is compared, and create where it is new"
	case missing.Kind == "namespaces" && missing.Name == d.namespaceOf(""):
		return fmt.Sprintf("objects that name no namespace are looked for in %q: -n names another one", missing.Name)
	}
	return ""
}

// incomplete says that something could not be compared; nil where nothing is left out.
func (d *dryRun) incomplete() error {
	if d.failed == 0 {
		return nil
	}
	return &hintedError{fmt.Errorf("compare with the cluster: %s could not be compared", count(d.failed, d.what())), d.hint}
}

// what is what could not be compared, one of them.
func (d *dryRun) what() string {
	if d.files {
		return "object or file"
	}
	return "object"
}

func placeOf(o resource.Object) string {
	if o.Line == 0 {
		return shown(o.File)
	}
	return fmt.Sprintf("%s:%d", shown(o.File), o.Line)
}

var errQuoted = errors.New("the API server refuses it; why is not shown, for that may quote what is in it")

// quotes tells whether an answer of the API server may quote the object.
func quotes(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) && !apierrors.IsNotFound(err)
}

func placed(content map[string]any, file string, line int) resource.Object {
	u := unstructured.Unstructured{Object: content}
	kind := u.GroupVersionKind()
	id := resource.ID{Group: kind.Group, Kind: kind.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}
	return resource.Object{ID: id, Content: content, File: file, Line: line}
}

var (
	errEncrypted = errors.New("it is encrypted with SOPS, which only kustomize-controller can open")
	errToBuild   = errors.New("it does more than list files, and is not built here: kustomize build … | kubectl oci diff --cluster -")
	errNameless  = errors.New("it has no metadata.name")
	errUnserved  = errors.New("the cluster does not know this kind: apply its definition first")
)

// one gives an object as it is, nil where there is none, and as it would be.
func (d *dryRun) one(ctx context.Context, o resource.Object) (old, now map[string]any, err error) {
	switch {
	case o.Content["sops"] != nil:
		return nil, nil, errEncrypted
	case o.Group == groupBuild:
		return nil, nil, errToBuild
	case o.Name == "":
		return nil, nil, errNameless
	}
	u := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(o.Content)}
	kind, err := d.served(ctx, u.GetAPIVersion(), o.Kind)
	if errors.Is(err, errUnserved) && d.brings[o.Group+"/"+o.Kind] {
		return nil, essence(u), nil // nobody can check it yet
	}
	if err != nil {
		return nil, nil, err
	}
	if kind.namespaced {
		u.SetNamespace(d.namespaceOf(u.GetNamespace()))
	} else {
		u.SetNamespace("")
	}
	objects := d.client.Resource(kind.resource).Namespace(u.GetNamespace())
	live, err := objects.Get(ctx, u.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return nil, nil, err
	default:
		inherit(u, live)
		old = essence(live)
	}
	applied, err := objects.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: d.manager, Force: true, DryRun: []string{metav1.DryRunAll}})
	if apierrors.IsNotFound(err) && old == nil && d.brings["/Namespace/"+u.GetNamespace()] {
		return nil, essence(u), nil // its namespace comes along
	}
	if err != nil {
		return nil, nil, err
	}
	return old, essence(applied), nil
}

// namespaceOf is the namespace of an object that names one, or none.
func (d *dryRun) namespaceOf(named string) string {
	return cmp.Or(d.owner.target(), named, d.namespace)
}

// broughtBy are namespaces and kinds that objects define.
func broughtBy(objects []resource.Object) map[string]bool {
	brings := map[string]bool{}
	for _, o := range objects {
		u := unstructured.Unstructured{Object: o.Content}
		switch {
		case o.Group == "" && o.Kind == "Namespace":
			brings["/Namespace/"+o.Name] = true
		case o.Group == "apiextensions.k8s.io" && o.Kind == "CustomResourceDefinition":
			group, _, _ := unstructured.NestedString(u.Object, "spec", "group")
			kind, _, _ := unstructured.NestedString(u.Object, "spec", "names", "kind")
			brings[group+"/"+kind] = true
		}
	}
	return brings
}

// ownerLabels are what kustomize-controller puts on what it applies. Who applies without them, in its name, would take them off.
const ownerLabels = "kustomize.toolkit.fluxcd.io/"

func inherit(u, live *unstructured.Unstructured) {
	labels := u.GetLabels()
	for key, value := range live.GetLabels() {
		if strings.HasPrefix(key, ownerLabels) {
			if labels == nil {
				labels = map[string]string{}
			}
			labels[key] = value
		}
	}
	if labels != nil {
		u.SetLabels(labels)
	}
}

// essence is an object without what the API server adds, and what a status tells.
func essence(u *unstructured.Unstructured) map[string]any {
	content := runtime.DeepCopyJSON(u.Object)
	delete(content, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"} {
		unstructured.RemoveNestedField(content, "metadata", field)
	}
	return content
}
