package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// at is where the API server has objects of this one's kind.
func (c *connection) at(u *unstructured.Unstructured) dynamic.ResourceInterface {
	resource := resourceOf(u)
	if u.GetNamespace() == "" {
		return c.client.Resource(resource)
	}
	return c.client.Resource(resource).Namespace(u.GetNamespace())
}

// resourceOf guesses, which is right for all kinds of the manifests, and saves discovery.
func resourceOf(u *unstructured.Unstructured) schema.GroupVersionResource {
	resource, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	return resource
}

// objectTitle is how kubectl names an object, as in deployment.apps/agent.
func objectTitle(u *unstructured.Unstructured) string {
	kind := strings.ToLower(u.GetKind())
	if group := u.GroupVersionKind().Group; group != "" && !isShared(u) {
		kind += "." + group
	}
	return kind + "/" + u.GetName()
}

// review asks whether one may do something. What the API server cannot say is an error.
func (c *connection) review(ctx context.Context, verb string, u *unstructured.Unstructured) (bool, error) {
	resource := resourceOf(u)
	review := &authorizationv1.SelfSubjectAccessReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"},
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Group: resource.Group, Version: resource.Version, Resource: resource.Resource, Namespace: u.GetNamespace(), Name: u.GetName(),
		}},
	}
	asked, err := runtime.DefaultUnstructuredConverter.ToUnstructured(review)
	if err != nil {
		return false, err
	}
	reviews := schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}
	answer, err := c.client.Resource(reviews).Create(ctx, &unstructured.Unstructured{Object: asked}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask for permissions: %w", err)
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}

// missing is what one may not do with an object.
type missing struct {
	object *unstructured.Unstructured
	verbs  []string
}

// permitted asks about all verbs and objects at once, and writes a table of what is missing.
func (c *connection) permitted(ctx context.Context, all installation, verbs []string, table io.Writer) error {
	answers := make([][]bool, len(all))
	errs := make([]error, len(all)*len(verbs))
	var asks sync.WaitGroup
	for i, u := range all {
		answers[i] = make([]bool, len(verbs))
		for j, verb := range verbs {
			asks.Go(func() { answers[i][j], errs[i*len(verbs)+j] = c.review(ctx, verb, u) })
		}
	}
	asks.Wait()
	if err := errors.Join(errs...); err != nil {
		return errs[firstError(errs)]
	}
	var lacks []missing
	for i, u := range all {
		lack := missing{object: u}
		for j, verb := range verbs {
			if !answers[i][j] {
				lack.verbs = append(lack.verbs, verb)
			}
		}
		if len(lack.verbs) > 0 {
			lacks = append(lacks, lack)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	if err := tableOf(lacks, table); err != nil {
		return err
	}
	return &hintedError{fmt.Errorf("permissions are missing: for %d of %s", len(lacks), count(len(all), "object")),
		"nothing was changed; ask somebody who may, or for these permissions"}
}

func firstError(errs []error) int {
	for i, err := range errs {
		if err != nil {
			return i
		}
	}
	return 0
}

func tableOf(lacks []missing, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAMESPACE\tRESOURCE\tNAME\tMISSING")
	for _, l := range lacks {
		namespace := l.object.GetNamespace()
		if namespace == "" {
			namespace = "<none>"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", namespace, resourceOf(l.object).GroupResource(), l.object.GetName(), strings.Join(l.verbs, ", "))
	}
	return w.Flush()
}
