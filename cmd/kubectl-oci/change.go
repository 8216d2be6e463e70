package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/dynamic"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// change is what a command does to each object.
type change struct {
	verb  string                                         // of the command
	asked string                                         // said once an object is changed
	done  string                                         // said once the agent has answered
	same  string                                         // said of an object that is so already
	each  func(*v1.OCIRepository) (patch any, err error) // nil: it is so already
}

// run gives the objects that were changed, and why others were not.
func (ch change) run(ctx context.Context, c *connection, s selection, streams genericiooptions.IOStreams) (changed []*v1.OCIRepository, failures []error, err error) {
	list, err := c.read(ctx, c.namespace, s)
	if list == nil {
		return nil, nil, err
	}
	failures = append(failures, err)
	report := newReporter(streams.ErrOut)
	if len(list.Items) == 0 && err == nil {
		sayNone(streams.ErrOut, c.namespace)
	}
	for i := range list.Items {
		before, err := typed(&list.Items[i])
		if err != nil {
			return changed, failures, err
		}
		object, err := ch.one(ctx, c, before)
		switch {
		case errors.Is(err, context.Canceled):
			return changed, failures, err
		case err != nil:
			failures = append(failures, fmt.Errorf("%s %q: %w", ch.verb, before.Name, err))
		case object == nil:
			report.line("%s%s %s", kindPrefix, before.Name, ch.same)
		default:
			report.line("%s%s %s", kindPrefix, before.Name, ch.asked)
			changed = append(changed, object)
		}
	}
	return changed, failures, nil
}

// one gives the object as it is afterwards; nil where there was nothing to change.
func (ch change) one(ctx context.Context, c *connection, object *v1.OCIRepository) (*v1.OCIRepository, error) {
	patch, err := ch.each(object)
	if err != nil || patch == nil {
		return nil, err
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	u, err := repositories(c, object.Namespace, func(r dynamic.ResourceInterface) (*unstructured.Unstructured, error) {
		return r.Patch(ctx, object.Name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: fieldManager})
	})
	if err != nil {
		return nil, err
	}
	return typed(u)
}
