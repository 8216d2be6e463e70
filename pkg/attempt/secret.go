package attempt

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
func (m *Means) certificates(ctx context.Context, object *v1.OCIRepository, w *Way) error {
	if object.Spec.CertSecretRef == nil {
		return nil
	}
	secret, err := m.secret(ctx, object, object.Spec.CertSecretRef.Name)
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
func (m *Means) proxy(ctx context.Context, object *v1.OCIRepository, w *Way) error {
	if object.Spec.ProxySecretRef == nil {
		return nil
	}
	secret, err := m.secret(ctx, object, object.Spec.ProxySecretRef.Name)
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
func (m *Means) credentials(ctx context.Context, object *v1.OCIRepository, w *Way) error {
	var names []string
	if object.Spec.SecretRef != nil {
		names = append(names, object.Spec.SecretRef.Name)
	}
	account, err := m.account(ctx, object, object.Spec.ServiceAccountName)
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
		if err := m.pullSecret(ctx, object, name, w); err != nil {
			return err
		}
	}
	if len(w.Credentials) > maxPullSecrets {
		return fmt.Errorf("read pull secrets: they have %d entries for %s, more than %d", len(w.Credentials), w.Ref.Name(), maxPullSecrets)
	}
	if provider := object.Spec.Provider; len(w.Credentials) == 0 && provider != "" && provider != v1.ProviderGeneric {
		return m.identity(ctx, object, account, w)
	}
	return nil
}

func (m *Means) pullSecret(ctx context.Context, object *v1.OCIRepository, name string, w *Way) error {
	secret, err := m.secret(ctx, object, name)
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
	entries, err := registry.PullSecretEntries(config, w.Ref)
	if err != nil {
		return fmt.Errorf("read %s: %w", named(secret), err)
	}
	w.read = append(w.read, named(secret))
	for _, e := range entries {
		w.entries = append(w.entries, Entry{Secret: named(secret), Key: e.Key, Covers: e.Covers})
		if e.Covers {
			w.add(named(secret), e.Key, e.Credential)
		}
	}
	return nil
}

// secret reads a Secret of the object's namespace.
func (m *Means) secret(ctx context.Context, object *v1.OCIRepository, name string) (*corev1.Secret, error) {
	secret, err := m.Objects.Secret(ctx, object.Namespace, name)
	return secret, missing(err, "secret", object.Namespace, name)
}

// account reads a ServiceAccount of the object's namespace; nil without a name.
func (m *Means) account(ctx context.Context, object *v1.OCIRepository, name string) (*corev1.ServiceAccount, error) {
	if name == "" {
		return nil, nil
	}
	account, err := m.Objects.ServiceAccount(ctx, object.Namespace, name)
	return account, missing(err, "service account", object.Namespace, name)
}

var errNone = errors.New("there is none")

// missing says what could not be read.
func missing(err error, kind, namespace, name string) error {
	if err == nil {
		return nil
	}
	if apierrors.IsNotFound(err) {
		err = errNone
	}
	return fmt.Errorf("read %s %q: %w", kind, types.NamespacedName{Namespace: namespace, Name: name}, err)
}

func named(secret *corev1.Secret) string {
	return fmt.Sprintf("secret %q", secret.Namespace+"/"+secret.Name)
}
