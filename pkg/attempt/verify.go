package attempt

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Keys of Secrets that spec.verify refers to.
const (
	suffixPublicKey = ".pub"
	keyTrustedRoot  = "trusted_root.json"
)

// signers says whose signature the object's artifact must have; nil: nobody's. What it refers to is read anew each time. The error is a
// *source.Error: where somebody has to have signed and it is nobody, nothing is to be trusted; where that cannot be read, it is not known.
func (m *Means) signers(ctx context.Context, object *v1.OCIRepository) (*signature.Policy, error) {
	spec := object.Spec.Verify
	if spec == nil {
		return nil, nil //nolint:nilnil // nobody
	}
	trust, err := m.trust(ctx, object, spec)
	var policy *signature.Policy
	if err == nil {
		policy, err = signature.NewPolicy(trust)
	}
	if err == nil {
		return policy, nil
	}
	unread, unknown := errors.AsType[*unreadError](err)
	if unknown {
		err = unread.error
	}
	return nil, &source.Error{
		Condition: v1.ConditionSourceVerified,
		Reason:    v1.ReasonVerificationError,
		Terminal:  spec.SecretRef == nil && spec.TrustedRootSecretRef == nil || mistaken(spec) != nil,
		Withdraws: !unknown,
		Unknown:   unknown,
		Err:       fmt.Errorf("read spec.verify: %w", err),
	}
}

// trust reads keys, which count alone where there are any, or else identities.
func (m *Means) trust(ctx context.Context, object *v1.OCIRepository, spec *v1.Verification) (signature.Trust, error) {
	if err := mistaken(spec); err != nil {
		return signature.Trust{}, err
	}
	if spec.Provider == v1.VerifyNotation {
		return m.notation(ctx, object, spec.SecretRef.Name)
	}
	if spec.SecretRef != nil {
		keys, err := m.publicKeys(ctx, object, spec.SecretRef.Name)
		return signature.Trust{Keys: keys}, err
	}
	if len(spec.MatchOIDCIdentity) == 0 {
		return signature.Trust{}, errors.New("it has neither secretRef nor matchOIDCIdentity: name who may sign, for anyone is no answer")
	}
	trust := signature.Trust{}
	for _, match := range spec.MatchOIDCIdentity {
		trust.Identities = append(trust.Identities, signature.Identity{Issuer: match.Issuer, Subject: match.Subject})
	}
	var err error
	if spec.TrustedRootSecretRef != nil {
		trust.Root, err = m.trustedRoot(ctx, object, spec.TrustedRootSecretRef.Name)
	}
	return trust, err
}

func (m *Means) publicKeys(ctx context.Context, object *v1.OCIRepository, name string) (map[string][]byte, error) {
	secret, err := m.secret(ctx, object, name)
	if err != nil {
		return nil, unread(err)
	}
	keys := map[string][]byte{}
	for key, text := range secret.Data {
		if strings.HasSuffix(key, suffixPublicKey) {
			keys[key] = text
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("read %s: it has no public key *%s, but %s", named(secret), suffixPublicKey, keysOf(secret))
	}
	return keys, nil
}

func (m *Means) trustedRoot(ctx context.Context, object *v1.OCIRepository, name string) ([]byte, error) {
	secret, err := m.secret(ctx, object, name)
	if err != nil {
		return nil, unread(err)
	}
	root := secret.Data[keyTrustedRoot]
	if len(root) == 0 {
		return nil, fmt.Errorf("read %s: it has no %s, but %s", named(secret), keyTrustedRoot, keysOf(secret))
	}
	return root, nil
}

// unreadError is about a Secret that may well be there.
type unreadError struct{ error }

func unread(err error) error {
	if errors.Is(err, errNone) {
		return err
	}
	return &unreadError{err}
}
