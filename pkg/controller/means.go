package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
)

// means is what the reconciler makes its attempts with.
func (r *Reconciler) means() *attempt.Means {
	return &attempt.Means{
		Objects:               live{r.Live},
		Source:                r.Source,
		Policy:                r.Policy,
		Identities:            r.Identities,
		DefaultServiceAccount: r.DefaultServiceAccount,
	}
}

// live reads from the API server.
type live struct{ reader client.Reader }

func (l live) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	return secret, l.reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, secret)
}

func (l live) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	account := &corev1.ServiceAccount{}
	return account, l.reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, account)
}
