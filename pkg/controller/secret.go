package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Keys of a Secret for TLS; the second ones are those of older versions of Flux.
const (
	keyAuthority, oldKeyAuthority     = "ca.crt", "caFile"
	keyCertificate, oldKeyCertificate = corev1.TLSCertKey, "certFile"
	keyPrivateKey, oldKeyPrivateKey   = corev1.TLSPrivateKeyKey, "keyFile"
)

// certificates reads what TLS needs. The type of the Secret does not matter, as long as it has the keys.
func (r *Reconciler) certificates(ctx context.Context, object *v1.OCIRepository, w *way) error {
	if object.Spec.CertSecretRef == nil {
		return nil
	}
	secret, err := r.secret(ctx, object, object.Spec.CertSecretRef.Name)
	if err != nil {
		return err
	}
	either := func(key, old string) []byte {
		if value, ok := secret.Data[key]; ok {
			return value
		}
		return secret.Data[old]
	}
	w.TLS = registry.TLS{
		CA:          either(keyAuthority, oldKeyAuthority),
		Certificate: either(keyCertificate, oldKeyCertificate),
		Key:         either(keyPrivateKey, oldKeyPrivateKey),
	}
	if len(w.TLS.CA)+len(w.TLS.Certificate)+len(w.TLS.Key) == 0 {
		return fmt.Errorf("read %s: it has neither %s nor %s and %s, but %s",
			named(secret), keyAuthority, keyCertificate, keyPrivateKey, keysOf(secret))
	}
	if err := w.TLS.Check(); err != nil {
		return fmt.Errorf("read %s: %w", named(secret), err)
	}
	return nil
}

// keysOf lists what a Secret has, for people who look for a typing error.
func keysOf(secret *corev1.Secret) string {
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(secret.Data)), ", "), "nothing")
}

// proxy reads through whom the registry is reached.
func (r *Reconciler) proxy(ctx context.Context, object *v1.OCIRepository, w *way) error {
	if object.Spec.ProxySecretRef == nil {
		return nil
	}
	secret, err := r.secret(ctx, object, object.Spec.ProxySecretRef.Name)
	if err != nil {
		return err
	}
	w.Proxy = registry.Proxy{
		Address:  string(secret.Data["address"]),
		Username: string(secret.Data["username"]),
		Password: string(secret.Data["password"]),
	}
	if w.Proxy.Address == "" {
		return fmt.Errorf("read %s: it has no address, but %s", named(secret), keysOf(secret))
	}
	if err := w.Proxy.Check(); err != nil {
		return fmt.Errorf("read %s: %w", named(secret), err)
	}
	return nil
}

// maxPullSecrets bounds what one object has the agent ask of the API server, and try on a registry, for one poll.
const maxPullSecrets = 32

// credentials reads the pull secrets in the order in which they are tried: the object's own, then its ServiceAccount's. Where none of
// them has an entry for the repository, the cloud provider's credential is used.
func (r *Reconciler) credentials(ctx context.Context, object *v1.OCIRepository, w *way) error {
	var names []string
	if object.Spec.SecretRef != nil {
		names = append(names, object.Spec.SecretRef.Name)
	}
	account, err := r.account(ctx, object, object.Spec.ServiceAccountName)
	if err != nil {
		return err
	}
	if account != nil {
		if len(account.ImagePullSecrets) == 0 {
			w.bare = object.Namespace + "/" + account.Name
		}
		for _, ref := range account.ImagePullSecrets {
			names = append(names, ref.Name)
		}
	}
	if len(names) > maxPullSecrets {
		return fmt.Errorf("read pull secrets: there are %d, more than %d", len(names), maxPullSecrets)
	}
	for _, name := range names {
		if err := r.pullSecret(ctx, object, name, w); err != nil {
			return err
		}
	}
	if len(w.Credentials) > maxPullSecrets {
		return fmt.Errorf("read pull secrets: they have %d entries for %s, more than %d", len(w.Credentials), w.ref.Name(), maxPullSecrets)
	}
	if provider := object.Spec.Provider; len(w.Credentials) == 0 && provider != "" && provider != v1.ProviderGeneric {
		return r.identity(ctx, object, account, w)
	}
	return nil
}

func (r *Reconciler) pullSecret(ctx context.Context, object *v1.OCIRepository, name string, w *way) error {
	secret, err := r.secret(ctx, object, name)
	if err != nil {
		return err
	}
	config := secret.Data[corev1.DockerConfigJsonKey]
	switch secret.Type {
	case corev1.SecretTypeDockerConfigJson:
	case corev1.SecretTypeDockercfg: // some clusters still make those for each ServiceAccount: the entries without what is around them
		config = fmt.Appendf(nil, `{"auths":%s}`, secret.Data[corev1.DockerConfigKey])
	default:
		return fmt.Errorf("read %s: its type is %q, not %q", named(secret), secret.Type, corev1.SecretTypeDockerConfigJson)
	}
	found, err := registry.PullSecret(config, w.ref)
	if err != nil {
		return fmt.Errorf("read %s: %w", named(secret), err)
	}
	w.read = append(w.read, named(secret))
	w.add(named(secret), found...)
	return nil
}

// secret reads a Secret of the object's namespace from the API server.
func (r *Reconciler) secret(ctx context.Context, object *v1.OCIRepository, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	return secret, r.fetch(ctx, "secret", types.NamespacedName{Namespace: object.Namespace, Name: name}, secret)
}

// account reads a ServiceAccount of the object's namespace from the API server; nil without a name.
func (r *Reconciler) account(ctx context.Context, object *v1.OCIRepository, name string) (*corev1.ServiceAccount, error) {
	if name == "" {
		return nil, nil
	}
	account := &corev1.ServiceAccount{}
	return account, r.fetch(ctx, "service account", types.NamespacedName{Namespace: object.Namespace, Name: name}, account)
}

var errNone = errors.New("there is none")

func (r *Reconciler) fetch(ctx context.Context, kind string, name types.NamespacedName, into client.Object) error {
	err := r.Live.Get(ctx, name, into)
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("read %s %q: %w", kind, name, errNone)
	case err != nil:
		return fmt.Errorf("read %s %q: %w", kind, name, err)
	}
	return nil
}

func named(secret *corev1.Secret) string {
	return fmt.Sprintf("secret %q", secret.Namespace+"/"+secret.Name)
}
