package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// rules are those that count now; nil: there is no file.
func (m *Means) rules() *Rules {
	if m.Policy == nil {
		return nil
	}
	return m.Policy()
}

// vouched holds an authority and a proxy of the object's own, together, to be what spec.insecure is: nobody but the object's author vouches
// for who answers in the registry's name.
func (m *Means) vouched(_ context.Context, object *v1.OCIRepository, w *Way) error {
	if len(w.TLS.CA) == 0 || w.Proxy == (registry.Proxy{}) || w.Rule.Insecure {
		return nil
	}
	return violation(object, fmt.Errorf("spec.proxySecretRef together with a ca.crt in spec.certSecretRef lets the proxy answer in the registry's name, "+
		"which is insecure: %s does not permit it", whoseRule(w.Rule)))
}

// permitted says for people what a rule permits in place of what it refused.
func permitted(rule policy.Rule) string {
	if rule.Name == "" {
		return fmt.Sprintf("without a policy file, %s addresses are permitted; the flag --policy names one, "+
			"whose rules can permit others, as in addresses: [loopback]", rule.Reach)
	}
	return fmt.Sprintf("its %s permits %s addresses", rule.Name, rule.Reach)
}

var errAsk = errors.New("ask whoever runs the agent")

// violation is terminal for the object, whose author cannot help it. But the policy may change: it is looked at again at the interval.
func violation(object *v1.OCIRepository, err error) *source.Error {
	return &source.Error{
		Condition: v1.ConditionFetchFailed,
		Reason:    v1.ReasonPolicyViolation,
		Terminal:  true,
		RetryAt:   time.Now().Add(object.Spec.Interval.Duration),
		Err:       fmt.Errorf("%w; %w", err, errAsk),
	}
}
