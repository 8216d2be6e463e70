package attempt

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Identities gives the credential that a cloud provider issues for a repository: to a ServiceAccount, or, where account is nil, to the
// agent itself. It must be safe for concurrent use.
type Identities interface {
	Credential(ctx context.Context, provider string, ref registry.Reference, account *corev1.ServiceAccount) (registry.Credential, error)
}

// maxTimeout is the longest silence of a registry that is waited out, whatever the spec says: a worker waits with it.
const maxTimeout = 10 * time.Minute

// Way is how an object's registry is reached, and for people where that comes from.
type Way struct {
	registry.Access
	Ref     registry.Reference
	Rule    policy.Rule
	from    []string // where each credential comes from
	keys    []string // and under which key there; empty: there is none
	read    []string // the Secrets that were looked into for credentials
	entries []Entry  // of those
	bare    string   // the ServiceAccount that has no pull secrets, if there is one
}

// Way is the way to the object's registry, by all that its spec refers to and within what the administrator permits. All that it refers to
// is read anew each time; the error is a *source.Error.
func (m *Means) Way(ctx context.Context, object *v1.OCIRepository, t Terms) (*Way, error) {
	w := &Way{Ref: t.Ref, Rule: t.Rule}
	if t.Refused != nil {
		return w, t.Refused
	}
	w.Reach = registry.Reach(w.Rule.Reach)
	w.Insecure = object.Spec.Insecure
	if timeout := object.Spec.Timeout; timeout != nil {
		w.Timeout = min(timeout.Duration, maxTimeout)
	}
	for _, read := range []func(context.Context, *v1.OCIRepository, *Way) error{m.certificates, m.proxy, m.vouched, m.credentials} {
		err := read(ctx, object, w)
		if _, told := errors.AsType[*source.Error](err); told {
			return w, err
		}
		if err != nil {
			return w, &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonAuthenticationFailed, Err: err}
		}
	}
	return w, nil
}

// add notes credentials to be tried after those that are there already. One that is there is not tried twice.
func (w *Way) add(origin, key string, c registry.Credential) {
	if slices.Contains(w.Credentials, c) {
		return
	}
	w.Credentials = append(w.Credentials, c)
	w.from, w.keys = append(w.from, origin), append(w.keys, key)
}

// Entry is one of a pull secret that was looked into, without what is secret.
type Entry struct {
	Secret string `json:"secret"` // as in `secret "apps/registry"`
	Key    string `json:"key"`
	Covers bool   `json:"covers"` // it is for the object's repository
}

// Candidate is a credential that is tried, without what is secret.
type Candidate struct {
	From string `json:"from"`          // a Secret, or a provider and an account
	Key  string `json:"key,omitempty"` // the entry's, in the Secret
	As   string `json:"as"`            // as in "user alice"
}

// Entries are those of all pull secrets that were looked into.
func (w *Way) Entries() []Entry { return w.entries }

// Candidates are the credentials in the order in which they are tried; none: the registry is asked without.
func (w *Way) Candidates() []Candidate {
	var all []Candidate
	for i, c := range w.Credentials {
		all = append(all, Candidate{From: w.from[i], Key: w.keys[i], As: c.String()})
	}
	return all
}

// explain adds to the registry's refusal, which names the credentials that it refused, where they come from, and to others what the
// author can do.
func (w *Way) explain(failure *source.Error) *source.Error {
	note := w.hint(failure)
	if failure.Reason == v1.ReasonAuthenticationFailed {
		note = w.origin()
	}
	if note == "" {
		return failure
	}
	explained := *failure
	explained.Err = fmt.Errorf("%w (%s)", failure.Err, note)
	return &explained
}

// origin says where the credentials come from, or where they were looked for; empty: nowhere.
func (w *Way) origin() string {
	switch {
	case len(w.from) > 0:
		return "from " + strings.Join(w.from, ", then ")
	case len(w.read) > 0:
		return fmt.Sprintf("%s has none for %s", strings.Join(w.read, " and "), w.Ref.Name())
	case w.bare != "":
		return fmt.Sprintf("service account %q has no imagePullSecrets", w.bare)
	}
	return ""
}

func (w *Way) hint(err error) string {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		if len(w.TLS.CA) > 0 {
			return "neither the system nor ca.crt of spec.certSecretRef knows it"
		}
		return "a Secret named by spec.certSecretRef can have the authority as ca.crt"
	}
	if registry.IsNotFound(err) {
		return "is the name right, and was it pushed? Registries say the same of what one may not see"
	}
	return ""
}

// blame tells the failure of a run as what it is to the object's author. What is not known of signatures stays so.
func (w *Way) blame(object *v1.OCIRepository, err error) error {
	failure, told := errors.AsType[*source.Error](err)
	if told && failure.Condition == v1.ConditionSourceVerified && !failure.Unknown {
		return err // nothing but a signature helps
	}
	if forbidden, ok := errors.AsType[*registry.ForbiddenError](err); ok {
		refused := violation(object, fmt.Errorf("%w: %s", forbidden, permitted(w.Rule)))
		refused.Unknown = told && failure.Unknown
		return refused
	}
	if told {
		return w.explain(failure)
	}
	return err
}
