package attempt

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/cloud"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// namespace is what there is in the object's namespace, by name.
type namespace struct {
	secrets  map[string]*corev1.Secret
	accounts map[string]*corev1.ServiceAccount
}

func (n namespace) Secret(_ context.Context, namespace, name string) (*corev1.Secret, error) {
	return find(n.secrets, namespace, name)
}

func (n namespace) ServiceAccount(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	return find(n.accounts, namespace, name)
}

func find[T any](all map[string]*T, namespace, name string) (*T, error) {
	if namespace != key.Namespace {
		return nil, fmt.Errorf("namespace %q is not the object's", namespace)
	}
	if found, ok := all[name]; ok {
		return found, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{}, name)
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

func meansIn(objects ...any) *Means {
	n := namespace{secrets: map[string]*corev1.Secret{}, accounts: map[string]*corev1.ServiceAccount{}}
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Secret:
			n.secrets[o.Name] = o
		case *corev1.ServiceAccount:
			n.accounts[o.Name] = o
		}
	}
	return &Means{Objects: n, Identities: clouds{}}
}

func objectWith(spec v1.OCIRepositorySpec) *v1.OCIRepository {
	object := &v1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Generation: 1}, Spec: spec}
	if spec.URL == "" {
		object.Spec.URL = "oci://ghcr.io/org/app"
	}
	object.Spec.Interval.Duration = time.Hour
	return object
}

func newObject() *v1.OCIRepository { return objectWith(v1.OCIRepositorySpec{}) }

var key = store.Key{Namespace: "apps", Name: "app"}

func ref(name string) *v1.LocalObjectReference { return &v1.LocalObjectReference{Name: name} }

func wayOf(t *testing.T, r *Means, object *v1.OCIRepository) (*Way, error) {
	t.Helper()
	return r.Way(t.Context(), object, r.Terms(t.Context(), object))
}

func accessOf(t *testing.T, r *Means, object *v1.OCIRepository) (registry.Access, error) {
	t.Helper()
	w, err := wayOf(t, r, object)
	return w.Access, err
}
