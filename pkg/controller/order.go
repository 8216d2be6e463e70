package controller

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// order is what the annotations of an object say about what is to be adopted.
type order struct{ window, adopt string }

// orders are those by which objects were looked at last. The zero value is ready.
type orders struct {
	mu       sync.Mutex
	followed map[types.NamespacedName]order
}

// given tells whether an object's order is another one than it was looked at by.
func (o *orders) given(object *v1.OCIRepository) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.followed[client.ObjectKeyFromObject(object)] != orderOf(object)
}

// follow takes note of an object that was looked at by its order.
func (o *orders) follow(object *v1.OCIRepository) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.followed == nil {
		o.followed = map[types.NamespacedName]order{}
	}
	o.followed[client.ObjectKeyFromObject(object)] = orderOf(object)
	if orderOf(object) == (order{}) {
		delete(o.followed, client.ObjectKeyFromObject(object))
	}
}

func (o *orders) forget(name types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.followed, name)
}

func orderOf(object *v1.OCIRepository) order {
	return order{object.Annotations[v1.AnnotationWindow], object.Annotations[v1.AnnotationAdopt]}
}
