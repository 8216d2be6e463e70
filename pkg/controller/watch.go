package controller

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// watchSecrets has objects reconciled at once when what they refer to changes. Of a Secret the cache keeps names and versions alone;
// what is in it is read when it is needed, as ever.
func (r *Reconciler) watchSecrets(b *builder.Builder) *builder.Builder {
	changed := builder.WithPredicates(predicate.ResourceVersionChangedPredicate{}, notAtTheStart())
	return b.
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.usersOfSecret), changed).
		Watches(&corev1.ServiceAccount{}, handler.EnqueueRequestsFromMapFunc(r.usersOfAccount), changed)
}

// notAtTheStart keeps back what was there before: all objects are reconciled then.
func notAtTheStart() predicate.Predicate {
	return predicate.Funcs{CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList }}
}

func (r *Reconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	return r.users(ctx, secret.GetNamespace(), func(spec *v1.OCIRepositorySpec) bool {
		refs := []*v1.LocalObjectReference{spec.SecretRef, spec.CertSecretRef, spec.ProxySecretRef}
		if spec.Verify != nil {
			refs = append(refs, spec.Verify.SecretRef, spec.Verify.TrustedRootSecretRef)
		}
		for _, ref := range refs {
			if ref != nil && ref.Name == secret.GetName() {
				return true
			}
		}
		return spec.ServiceAccountName != "" && r.pulls(ctx, secret, spec.ServiceAccountName)
	})
}

// pulls tells whether a Secret is one of the pull secrets of a ServiceAccount in its namespace.
func (r *Reconciler) pulls(ctx context.Context, secret client.Object, account string) bool {
	var found corev1.ServiceAccount
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: secret.GetNamespace(), Name: account}, &found); err != nil {
		return false // its coming is a change of its own
	}
	return slices.Contains(found.ImagePullSecrets, corev1.LocalObjectReference{Name: secret.GetName()})
}

func (r *Reconciler) usersOfAccount(ctx context.Context, account client.Object) []reconcile.Request {
	return r.users(ctx, account.GetNamespace(), func(spec *v1.OCIRepositorySpec) bool {
		name := spec.ServiceAccountName
		if name == "" && spec.Provider != "" && spec.Provider != v1.ProviderGeneric {
			name = r.DefaultServiceAccount
		}
		return name == account.GetName()
	})
}

// users are the objects of a namespace that refer to something.
func (r *Reconciler) users(ctx context.Context, namespace string, refers func(*v1.OCIRepositorySpec) bool) []reconcile.Request {
	var objects v1.OCIRepositoryList
	if err := r.Client.List(ctx, &objects, client.InNamespace(namespace)); err != nil {
		log.FromContext(ctx).Error(err, "objects that refer to what changed are reconciled at their interval", "namespace", namespace)
		return nil
	}
	var requests []reconcile.Request
	for i := range objects.Items {
		if object := &objects.Items[i]; refers(&object.Spec) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)})
		}
	}
	return requests
}
