package controller

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// supported refuses a spec that asks for what this version cannot do. Verification comes first: it decides what may be exposed.
func supported(spec v1.OCIRepositorySpec) error {
	switch {
	case spec.Verify != nil:
		return unsupported("verify", v1.ConditionSourceVerified, v1.ReasonVerificationError)
	case spec.CertSecretRef != nil:
		return unsupported("certSecretRef", v1.ConditionFetchFailed, v1.ReasonUnsupported)
	case spec.ProxySecretRef != nil:
		return unsupported("proxySecretRef", v1.ConditionFetchFailed, v1.ReasonUnsupported)
	case spec.ServiceAccountName != "":
		return unsupported("serviceAccountName", v1.ConditionFetchFailed, v1.ReasonUnsupported)
	case spec.Provider != "" && spec.Provider != v1.ProviderGeneric:
		return unsupported("provider "+spec.Provider, v1.ConditionFetchFailed, v1.ReasonUnsupported)
	}
	return nil
}

func unsupported(field, condition, reason string) error {
	return &source.Error{
		Condition: condition,
		Reason:    reason,
		Terminal:  true,
		Err:       fmt.Errorf("this version of the agent does not support spec.%s", field),
	}
}

// maxTimeout is the longest silence of a registry that is waited out, whatever the spec says: a worker waits with it.
const maxTimeout = 10 * time.Minute

// access reads the credentials that the spec refers to.
func (r *Reconciler) access(ctx context.Context, object *v1.OCIRepository) (registry.Access, error) {
	spec := object.Spec
	access := registry.Access{Insecure: spec.Insecure}
	if spec.Timeout != nil {
		access.Timeout = min(spec.Timeout.Duration, maxTimeout)
	}
	if spec.SecretRef == nil {
		return access, nil
	}
	ref, err := source.Repository(spec.URL)
	if err != nil {
		return access, &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonURLInvalid, Terminal: true, Err: err}
	}
	access.Credentials, err = r.pullSecret(ctx, types.NamespacedName{Namespace: object.Namespace, Name: spec.SecretRef.Name}, ref)
	if err != nil {
		return access, &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonAuthenticationFailed, Err: err}
	}
	return access, nil
}

func (r *Reconciler) pullSecret(ctx context.Context, name types.NamespacedName, ref registry.Reference) ([]registry.Credential, error) {
	var secret corev1.Secret
	err := r.Live.Get(ctx, name, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("read secret %q: there is none", name)
	case err != nil:
		return nil, fmt.Errorf("read secret %q: %w", name, err)
	case secret.Type != corev1.SecretTypeDockerConfigJson:
		return nil, fmt.Errorf("read secret %q: its type is %q, not %q", name, secret.Type, corev1.SecretTypeDockerConfigJson)
	}
	credentials, err := registry.PullSecret(secret.Data[corev1.DockerConfigJsonKey], ref)
	if err != nil {
		return nil, fmt.Errorf("read secret %q: %w", name, err)
	}
	return credentials, nil
}
