package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// newObject has no more in it than was said.
func newObject(version, kind, name string, labels map[string]string, content map[string]any) (*unstructured.Unstructured, error) {
	metadata := map[string]any{"name": name}
	if len(labels) > 0 {
		metadata["labels"] = labels
	}
	object := map[string]any{"apiVersion": version, "kind": kind, "metadata": metadata}
	maps.Copy(object, content)
	return untyped(object)
}

// untyped is an object to send or to print.
func untyped(v any) (*unstructured.Unstructured, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	return u, json.Unmarshal(raw, &u.Object)
}

// apply makes the object so, or changes what of it is ours.
func (c *connection) apply(ctx context.Context, u *unstructured.Unstructured, force bool) error {
	if u.GetNamespace() == "" {
		u.SetNamespace(c.namespace)
	}
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: force}
	var err error
	if u.GetKind() == "Secret" {
		_, err = c.client.Resource(secretResource()).Namespace(u.GetNamespace()).Apply(ctx, u.GetName(), u, options)
	} else {
		_, err = repositories(c, u.GetNamespace(), func(r dynamic.ResourceInterface) (*unstructured.Unstructured, error) {
			u.SetAPIVersion(v1.Group + "/" + c.version)
			return r.Apply(ctx, u.GetName(), u, options)
		})
	}
	switch {
	case apierrors.IsConflict(err):
		return &hintedError{fmt.Errorf("apply %q: %s", u.GetName(), oneLine(err)), "--force-conflicts takes these fields over"}
	case err != nil:
		return fmt.Errorf("apply %q: %w", u.GetName(), err)
	}
	return nil
}
