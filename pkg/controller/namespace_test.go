package controller

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/cloud"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// namespace is what there is in the object's namespace, by name.
type namespace struct {
	client.Reader
	secrets  map[string]*corev1.Secret
	accounts map[string]*corev1.ServiceAccount
}

func (n namespace) Get(_ context.Context, name client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if name.Namespace != key.Namespace {
		return fmt.Errorf("namespace %q is not the object's", name.Namespace)
	}
	switch into := into.(type) {
	case *corev1.Secret:
		if found, ok := n.secrets[name.Name]; ok {
			found.DeepCopyInto(into)
			return nil
		}
	case *corev1.ServiceAccount:
		if found, ok := n.accounts[name.Name]; ok {
			found.DeepCopyInto(into)
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{}, name.Name)
}

func secretWith(name string, kind corev1.SecretType, data ...string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name}, Type: kind, Data: map[string][]byte{}}
	for i := 0; i < len(data); i += 2 {
		secret.Data[data[i]] = []byte(data[i+1])
	}
	return secret
}

func pullSecretFor(name, host, user, password string) *corev1.Secret {
	return secretWith(name, corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey,
		fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, host, user, password))
}

func accountWith(name string, pullSecrets ...string) *corev1.ServiceAccount {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name}}
	for _, secret := range pullSecrets {
		account.ImagePullSecrets = append(account.ImagePullSecrets, corev1.LocalObjectReference{Name: secret})
	}
	return account
}

// clouds gives everybody a credential that tells who asked.
type clouds struct{}

func (clouds) Credential(_ context.Context, provider string, ref registry.Reference, account *corev1.ServiceAccount) (registry.Credential, error) {
	if ref.Registry == "unsuitable.test" {
		return registry.Credential{}, &cloud.OtherRegistryError{Registry: ref.Registry, Provider: provider}
	}
	return registry.Credential{Username: provider, Password: identityOf(account)}, nil
}

func reconcilerIn(objects ...client.Object) *Reconciler {
	n := namespace{secrets: map[string]*corev1.Secret{}, accounts: map[string]*corev1.ServiceAccount{}}
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Secret:
			n.secrets[o.Name] = o
		case *corev1.ServiceAccount:
			n.accounts[o.Name] = o
		}
	}
	return &Reconciler{Live: n, Identities: clouds{}}
}

func objectWith(spec v1.OCIRepositorySpec) *v1.OCIRepository {
	object := newObject(1)
	object.Spec = spec
	if spec.URL == "" {
		object.Spec.URL = "oci://ghcr.io/org/app"
	}
	object.Spec.Interval.Duration = time.Hour
	return object
}

func ref(name string) *v1.LocalObjectReference { return &v1.LocalObjectReference{Name: name} }

func wayOf(t *testing.T, r *Reconciler, object *v1.OCIRepository) (*way, error) {
	t.Helper()
	return r.way(t.Context(), object, r.terms(t.Context(), object))
}

func accessOf(t *testing.T, r *Reconciler, object *v1.OCIRepository) (registry.Access, error) {
	t.Helper()
	w, err := wayOf(t, r, object)
	return w.Access, err
}
