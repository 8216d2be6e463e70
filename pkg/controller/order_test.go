package controller

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

func TestOrders(t *testing.T) {
	t.Parallel()
	var known orders
	object := newObject(1)
	look := func(what string, given bool, annotations map[string]string) {
		t.Helper()
		object.Annotations = annotations
		if got := known.given(object); got != given {
			t.Errorf("%s: given is %t", what, got)
		}
		known.follow(object)
	}
	look("none", false, nil)
	look("another annotation", false, map[string]string{v1.AnnotationReconcileRequest: "now"})
	look("a window", true, map[string]string{v1.AnnotationWindow: "w"})
	look("the same", false, map[string]string{v1.AnnotationWindow: "w"})
	look("adopt", true, map[string]string{v1.AnnotationWindow: "w", v1.AnnotationAdopt: "a"})
	look("adopt another", true, map[string]string{v1.AnnotationWindow: "w", v1.AnnotationAdopt: "b"})
	look("window gone", true, map[string]string{v1.AnnotationAdopt: "b"})
	known.forget(types.NamespacedName{Namespace: object.Namespace, Name: object.Name})
	look("never seen", true, map[string]string{v1.AnnotationAdopt: "b"})
	look("both gone", true, nil)
	if len(known.followed) > 0 {
		t.Errorf("%d orders stay of objects without any", len(known.followed))
	}
}
