package main

import (
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// writtenObject is a Kubernetes object, or a patch of one, where it is written.
type writtenObject struct {
	edit.Value
	resource.ID
	file *rewritten
}

// objects are all that the files hold, those in Lists among them.
func (r *rewriting) objects() []writtenObject {
	var all []writtenObject
	for _, f := range r.files {
		for _, doc := range f.edits.Documents() {
			left := maxObjects
			all = f.collect(all, doc, &left)
		}
	}
	return all
}

// maxObjects is how many a document may hold: aliases lead round in circles where somebody wants that.
const maxObjects = 100_000

func (f *rewritten) collect(all []writtenObject, v edit.Value, left *int) []writtenObject {
	kind := v.Field("kind").String()
	if *left--; kind == "" || *left < 0 {
		return all
	}
	if items := v.Field("items").Items(); strings.HasSuffix(kind, "List") {
		for _, item := range items {
			all = f.collect(all, item, left)
		}
		return all
	}
	group, _, _ := strings.Cut(v.Field("apiVersion").String(), "/")
	return append(all, writtenObject{v, resource.ID{
		Group:     group,
		Kind:      kind,
		Namespace: v.Field("metadata", "namespace").String(),
		Name:      v.Field("metadata", "name").String(),
	}, f})
}

// is tells whether the object is of that kind. A patch need not name the group.
func (o *writtenObject) is(group, kind string) bool {
	return o.Kind == kind && (o.Group == group || o.Group == "")
}

// agrees tells whether a name in a namespace may mean the object: a namespace that is not written may be any.
func (o *writtenObject) agrees(namespace, name string) bool {
	return o.Name == name && (o.Namespace == namespace || o.Namespace == "" || namespace == "")
}

// at blames the line of a value in the object for an error.
func (o *writtenObject) at(v edit.Value, err error) error {
	line := v.Line()
	if line == 0 {
		line = o.Line()
	}
	return &resource.Error{File: o.file.shown, Line: line, Err: err}
}

const groupSource = "source.toolkit.fluxcd.io"
