package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
)

const groupKustomize = "kustomize.toolkit.fluxcd.io"

// use is a place where an object names a source by kind and name.
type use struct {
	*writtenObject
	reference edit.Value // a mapping with kind and name
	path      string     // of the mapping, as in spec.sourceRef
}

// The search for uses in an object ends so deep, and after so many values: no known kind nests them deeper, and aliases lead round in
// circles where somebody wants that.
const maxUseDepth, maxUseValues = 12, 1_000_000

// uses are the places in objects that name the source.
func (s *formerSource) uses(objects []writtenObject) []use {
	var all []use
	for i := range objects {
		f := &useSearch{source: s, object: &objects[i], left: maxUseValues}
		f.visit(f.object.Field("spec"), "spec", 0)
		all = append(all, f.found...)
	}
	return all
}

type useSearch struct {
	source *formerSource
	object *writtenObject
	left   int
	found  []use
}

func (f *useSearch) visit(v edit.Value, path string, depth int) {
	if f.left--; f.left < 0 || depth > maxUseDepth {
		return
	}
	if f.source.named(f.object, v, path) {
		f.found = append(f.found, use{f.object, v, path})
		return
	}
	for i, item := range v.Items() {
		f.visit(item, fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
	for name, field := range v.Fields() {
		f.visit(field, path+"."+name, depth+1)
	}
}

// named tells whether v is a reference to the source from o.
func (s *formerSource) named(o *writtenObject, v edit.Value, path string) bool {
	kind := v.Field("kind").String()
	if o.Kind == "GitRepository" && strings.HasSuffix(path, "].repository") { // of spec.include
		kind = o.Kind
	}
	if kind != s.kind || v.Field("name").String() != s.name {
		return false
	}
	namespace := v.Field("namespace").String()
	if namespace == "" {
		namespace = o.Namespace
	}
	return namespace == "" || s.namespace == "" || namespace == s.namespace
}

// move makes the reference name the OCIRepository, or says why that would not work.
func (u *use) move() (warning string, err error) {
	if !slices.Contains([]string{"Kustomization", "Alert", "ArtifactGenerator"}, u.Kind) {
		return u.at(u.reference, errors.New(u.unmoved())).Error(), nil
	}
	if err := u.reference.Field("kind").Set("OCIRepository"); err != nil {
		return "", u.at(u.reference, fmt.Errorf("rewrite %s %s: %w", u.ID, u.path, err))
	}
	return "", nil
}

func (u *use) unmoved() string {
	name := first(u.reference.Field("kind").String(), "", "GitRepository") + "/" + u.reference.Field("name").String()
	why := "change it by hand, or keep " + name + " beside the OCIRepository"
	switch u.Kind {
	case "HelmRelease":
		why = "it builds a chart of it, for which it needs source-controller: push the chart (helm push) and name its OCIRepository in spec.chartRef"
	case "HelmChart":
		why = "source-controller builds it: push the chart (helm push) and let HelmReleases name its OCIRepository in spec.chartRef"
	case "ImageUpdateAutomation":
		why = "it writes to git: keep " + name + " for it under another name, or use kubectl oci update"
	case "Receiver":
		why = "a hook of git's comes before the artifact is pushed: let the registry, or the pipeline after its push, call it"
	case "GitRepository":
		why = "it includes it: the folder pushed for that one has to hold its files"
	}
	return fmt.Sprintf("%s names %s in %s: %s", u.ID, name, u.path, why)
}

// sourceKinds are those that need source-controller.
func sourceKinds() []string {
	return []string{"GitRepository", "Bucket", "HelmRepository", "HelmChart", "ExternalArtifact"}
}

// stillNeeded are the objects that keep source-controller in the cluster.
func stillNeeded(objects []writtenObject) []string {
	var all []string
	for i := range objects {
		o := &objects[i]
		kind := o.Field("kind").String() // as it was rewritten
		byRelease := o.is("helm.toolkit.fluxcd.io", "HelmRelease") && o.Field("spec", "chart").Exists()
		if o.is(groupSource, o.Kind) && slices.Contains(sourceKinds(), kind) || byRelease {
			all = append(all, o.at(o.Value, errors.New(o.ID.String())).Error())
		}
	}
	return all
}
