// Package attempt makes one attempt at an OCIRepository: what is to be had for it now, by its spec, by all that this refers to, and within
// what the administrator permits and requires. It writes nothing to Kubernetes. The agent's controller tells what an attempt came to in the
// object's status; whoever wants to know beforehand what that will be makes one too, and finds the same.
//
//   - [Means.Run] is the whole attempt: it reads [Terms] and [Hold], makes a [Way] to the registry, and runs the pipeline of package source.
//   - [Means.Terms] and [Means.Way] are its first steps, for who needs no more.
//   - [NewRules] makes the administrator's policy ready for use.
//
// Secrets and ServiceAccounts are read by name when they are needed, and never kept. A Secret that is missing or has no key trusts nobody.
// What cannot be read of spec.verify, or of the windows, lets nothing new pass, and takes nothing away of what the administrator requires.
// What is not permitted is not tried. Errors name Secrets and their keys, and never say what is in them.
package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/opencontainers/go-digest"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Objects reads what an object refers to as it is now. The errors are the API server's. It must be safe for concurrent use.
type Objects interface {
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error)
}

// Runner turns a spec into an entry of the store, as [source.Source] does. The error is a *source.Error. It must be safe for
// concurrent use with different keys.
type Runner interface {
	Run(context.Context, source.Request) (source.Result, error)
}

// Means is what attempts are made with. It is safe for concurrent use with different objects.
type Means struct {
	Objects               Objects
	Source                Runner        // needed by Run alone
	Policy                func() *Rules // what the administrator permits and requires now; nil: there is no file
	Identities            Identities    // at cloud providers
	DefaultServiceAccount string        // whose identity objects without a ServiceAccount have there; empty: the agent's own
	Trace                 *source.Trace // takes note of what one attempt decides; nil: nobody asks
}

// Outcome is what an attempt came to.
type Outcome struct {
	Result   source.Result
	Failure  *source.Error // nil: it succeeded
	Answered bool          // the pipeline was run, and did not fail
	Hold     Hold
	Terms    Terms
	Way      *Way // nil: it did not come so far
}

// Run makes an attempt. A poll that began before the given time does not answer it.
func (m *Means) Run(ctx context.Context, object *v1.OCIRepository, after time.Time) Outcome {
	t := m.Terms(ctx, object)
	hold, unread := HoldOf(object, time.Now())
	found := m.runBy(ctx, object, t, hold, unread, after)
	found.Hold, found.Terms = hold, t
	return found
}

// runBy is a run by the terms, and by windows that may be unread. Where spec.verify trusts nobody, nothing else needs to be known; where it
// cannot be read, what the administrator requires holds all the same.
func (m *Means) runBy(ctx context.Context, object *v1.OCIRepository, t Terms, hold Hold, unread error, after time.Time) Outcome {
	switch {
	case t.Unread != nil && !t.Unread.Unknown:
		return Outcome{Failure: t.Unread}
	case t.Unread != nil:
		return m.keepOrWithdraw(ctx, object, t, *t.Unread, after)
	case unread != nil:
		return m.keepOrWithdraw(ctx, object, t, *asFailure(unread), after)
	}
	return m.expose(ctx, object, t, hold, after)
}

// keepOrWithdraw is for what the object's author has written and cannot be read: it lets nothing pass, but what is advertised needs all the
// same what is required as far as that is known.
func (m *Means) keepOrWithdraw(ctx context.Context, object *v1.OCIRepository, t Terms, unread source.Error, after time.Time) Outcome {
	if len(t.Requirements) == 0 || object.Status.Artifact == nil {
		return Outcome{Failure: &unread}
	}
	found := m.expose(ctx, object, t, Hold{Closed: true}, after)
	found.Result = source.Result{Required: found.Result.Required}
	if found.Failure == nil || !found.Failure.Withdraws {
		unread.Unknown = unread.Unknown || found.Failure != nil && found.Failure.Unknown
		found.Failure = &unread
	}
	return found
}

// expose has the source look at the registry with the credentials that the object refers to.
func (m *Means) expose(ctx context.Context, object *v1.OCIRepository, t Terms, hold Hold, after time.Time) Outcome {
	req := source.Request{
		Key:          KeyOf(object),
		Spec:         object.Spec,
		Advertised:   Advertised(object.Status),
		Hold:         hold.Closed,
		Adopt:        hold.Adopt,
		Requirements: t.Requirements,
		Trace:        m.Trace,
	}
	way, err := m.Way(ctx, object, t)
	if err != nil {
		req.Barred = asFailure(err)
		result, err := m.Source.Run(ctx, req)
		return Outcome{Result: result, Failure: asFailure(err), Way: way}
	}
	req.Access = way.Access
	req.Access.After = after
	result, err := m.Source.Run(ctx, req)
	return Outcome{Result: result, Failure: asFailure(way.blame(object, err)), Answered: err == nil, Way: way}
}

// asFailure takes an error of an unknown kind for one of the registry.
func asFailure(err error) *source.Error {
	if err == nil {
		return nil
	}
	if failure, ok := errors.AsType[*source.Error](err); ok {
		return failure
	}
	return &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonReadOperationFailed, Err: err}
}

// KeyOf is by what the store knows an object.
func KeyOf(object *v1.OCIRepository) store.Key {
	return store.Key{Namespace: object.Namespace, Name: object.Name}
}

// Advertised is what a status tells consumers, for the source to compare with.
func Advertised(status v1.OCIRepositoryStatus) source.Advertised {
	if status.Artifact == nil {
		return source.Advertised{}
	}
	size := int64(0)
	if status.Artifact.Size != nil {
		size = *status.Artifact.Size
	}
	return source.Advertised{
		Revision:      status.Artifact.Revision,
		Place:         status.Artifact.Metadata[v1.MetadataSource],
		Digest:        digest.Digest(status.Artifact.Digest),
		Size:          size,
		Ignore:        status.ObservedIgnore,
		LayerSelector: status.ObservedLayerSelector,
	}
}
