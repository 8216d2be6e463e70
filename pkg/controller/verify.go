package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
func (r *Reconciler) signers(ctx context.Context, object *v1.OCIRepository) (*signature.Policy, error) {
	spec := object.Spec.Verify
	if spec == nil {
		return nil, nil //nolint:nilnil // nobody
	}
	trust, err := r.trust(ctx, object, spec)
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
func (r *Reconciler) trust(ctx context.Context, object *v1.OCIRepository, spec *v1.Verification) (signature.Trust, error) {
	if err := mistaken(spec); err != nil {
		return signature.Trust{}, err
	}
	if spec.Provider == v1.VerifyNotation {
		return r.notation(ctx, object, spec.SecretRef.Name)
	}
	if spec.SecretRef != nil {
		keys, err := r.publicKeys(ctx, object, spec.SecretRef.Name)
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
		trust.Root, err = r.trustedRoot(ctx, object, spec.TrustedRootSecretRef.Name)
	}
	return trust, err
}

func (r *Reconciler) publicKeys(ctx context.Context, object *v1.OCIRepository, name string) (map[string][]byte, error) {
	secret, err := r.secret(ctx, object, name)
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

func (r *Reconciler) trustedRoot(ctx context.Context, object *v1.OCIRepository, name string) ([]byte, error) {
	secret, err := r.secret(ctx, object, name)
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

// keepOrWithdraw is for what the object's author has written and cannot be read: it lets nothing pass, but what is advertised needs all the
// same what is required as far as that is known.
func (r *Reconciler) keepOrWithdraw(ctx context.Context, object *v1.OCIRepository, t terms, unread source.Error) outcome {
	if len(t.requirements) == 0 || object.Status.Artifact == nil {
		return outcome{failure: &unread}
	}
	result, err := r.expose(ctx, object, t, hold{closed: true})
	found := outcome{failure: asFailure(err), result: source.Result{Required: result.Required}}
	if found.failure == nil || !found.failure.Withdraws {
		unread.Unknown = unread.Unknown || found.failure != nil && found.failure.Unknown
		found.failure = &unread
	}
	return found
}

// verifiedAgain brings the next look at an object forward to when what it advertises has to be verified again, also where it is stalled.
func (r *Reconciler) verifiedAgain(object *v1.OCIRepository, t terms, wait time.Duration) time.Duration {
	interval := r.VerifyInterval
	if !t.verifies() || object.Status.Artifact == nil || interval <= 0 || wait > 0 && wait < interval {
		return wait
	}
	return interval
}
