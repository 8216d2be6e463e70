package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// The agent's own identity is not the tenant's: somebody who says whom TLS trusts could have its credential sent to himself.
var errNotTheAgents = errors.New("spec.insecure and a ca.crt of the object's own need spec.serviceAccountName: " +
	"the agent shows its own identity to registries alone that the system's authorities vouch for")

// identity has the cloud provider issue a credential: to the ServiceAccount of the object, to the one that the administrator gives
// objects without, or to the agent itself.
func (m *Means) identity(ctx context.Context, object *v1.OCIRepository, account *corev1.ServiceAccount, w *Way) error {
	provider := object.Spec.Provider
	if account == nil {
		var err error
		if account, err = m.account(ctx, object, m.DefaultServiceAccount); err != nil {
			return fmt.Errorf("log in with provider %s: spec.serviceAccountName is missing, and so is the default: %w", provider, err)
		}
	}
	if account == nil && (w.Insecure || len(w.TLS.CA) > 0) {
		return fmt.Errorf("log in with provider %s: %w", provider, errNotTheAgents)
	}
	credential, err := m.Identities.Credential(ctx, provider, w.Ref, account)
	if err != nil {
		err = fmt.Errorf("log in with provider %s as %s: %w", provider, identityOf(account), err)
		failure := &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonAuthenticationFailed, Err: err}
		if never, ok := errors.AsType[hopeless](err); ok && never.Hopeless() {
			// Unless a Secret gets an entry for the registry.
			failure.Terminal, failure.RetryAt = true, time.Now().Add(object.Spec.Interval.Duration)
		}
		return failure
	}
	w.add("provider "+provider+" for "+identityOf(account), "", credential)
	return nil
}

// hopeless is what an error of [Identities] may say of itself: that none will ever do for the registry.
type hopeless interface {
	error
	Hopeless() bool
}

func identityOf(account *corev1.ServiceAccount) string {
	if account == nil {
		return "the agent"
	}
	return fmt.Sprintf("service account %q", account.Name)
}
