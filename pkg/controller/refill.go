package controller

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/go-digest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	klabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Restorer puts into the store what an object advertises, from another replica or from its registry, as [source.Source] does. It must be
// safe for concurrent use.
type Restorer interface {
	Mirror
	Restore(context.Context, source.Request) (store.Entry, error)
}

// Refill puts back into the store what an object advertises at this moment: from another replica, or else by the object's own
// credentials from its registry. It writes nothing to Kubernetes.
type Refill struct {
	Reconciler *Reconciler
	Source     Restorer
	Selector   klabels.Selector // of the objects that are watched
	Namespace  string           // that is watched; empty: all
}

// Refill returns when the store has the bytes of the digest, or, where it is empty, of whichever the object advertises. What an object
// that advertises another digest had advertised before comes from another replica that keeps it still, or from nowhere. The error wraps
// fs.ErrNotExist only where the object advertises no such thing, and no replica keeps it.
func (f *Refill) Refill(ctx context.Context, key store.Key, d digest.Digest) error {
	object, err := f.read(ctx, key)
	if err != nil {
		return err
	}
	a := attempt.Advertised(object.Status)
	switch {
	case !alive(object):
		return fmt.Errorf("find what %q advertises: %w", key, fs.ErrNotExist)
	case d != "" && d != a.Digest:
		err = f.retained(ctx, key, d)
	default:
		d, err = a.Digest, f.restore(ctx, object)
	}
	if err != nil {
		return err
	}
	now, err := f.read(ctx, key)
	return f.Reconciler.keep(object, d, now, err)
}

// retained has another replica send what was superseded a moment ago. That one has an entry for the same object.
func (f *Refill) retained(ctx context.Context, key store.Key, d digest.Digest) error {
	_, err := f.Source.Mirror(ctx, key, source.Advertised{Digest: d})
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return passing{fmt.Errorf("fetch what %q has advertised: %w", key, err)}
}

// read asks the API server: the cache may not know yet what a client has just been told.
func (f *Refill) read(ctx context.Context, key store.Key) (*v1.OCIRepository, error) {
	object := &v1.OCIRepository{}
	err := f.Reconciler.Live.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name}, object)
	if apierrors.IsNotFound(err) || err == nil && !f.watched(object) {
		return nil, fmt.Errorf("find object %q: %w", key, fs.ErrNotExist)
	}
	return object, err
}

// watched tells whether the object is this agent's and no other's.
func (f *Refill) watched(object *v1.OCIRepository) bool {
	return f.Selector.Matches(klabels.Set(object.Labels)) && (f.Namespace == "" || f.Namespace == object.Namespace)
}

func (f *Refill) restore(ctx context.Context, object *v1.OCIRepository) error {
	a := attempt.Advertised(object.Status)
	if _, err := f.Source.Mirror(ctx, attempt.KeyOf(object), a); err == nil {
		return nil
	}
	if err := f.reproduce(ctx, object); err != nil {
		return passing{fmt.Errorf("restore what %q advertises: %w", attempt.KeyOf(object), err)}
	}
	return nil
}

// reproduce has the registry's artifact verified anew, or counts on a verification of the very same.
func (f *Refill) reproduce(ctx context.Context, object *v1.OCIRepository) error {
	t := f.Reconciler.means().Terms(ctx, object)
	if t.Unread != nil {
		return t.Unread
	}
	way, err := f.Reconciler.means().Way(ctx, object, t)
	if err != nil {
		return err
	}
	_, err = f.Source.Restore(ctx, source.Request{
		Key: attempt.KeyOf(object), Spec: object.Spec, Access: way.Access, Advertised: attempt.Advertised(object.Status), Requirements: t.Requirements,
	})
	return err
}

// alive tells whether the object advertises something of ours, and is to stay.
func alive(object *v1.OCIRepository) bool {
	return attempt.Advertised(object.Status).Place != "" && object.DeletionTimestamp.IsZero()
}

// keep leaves what was put back in the store where the object, which was read once more, advertises what it did before. Otherwise the
// entry is dropped again: while it was on its way the object may have gone, or its artifact have been withdrawn, and whoever saw to
// that found nothing to drop.
func (r *Reconciler) keep(before *v1.OCIRepository, d digest.Digest, now *v1.OCIRepository, err error) error {
	if err == nil && alive(now) && attempt.Advertised(now.Status).Digest == attempt.Advertised(before.Status).Digest {
		return nil
	}
	if err == nil {
		err = errChanged
	}
	return errors.Join(fmt.Errorf("keep what %q advertised: %w", attempt.KeyOf(before), err), r.Store.Drop(attempt.KeyOf(before), d))
}

var errChanged = errors.New("it advertises something else by now, or nothing")

// passing is an error of this moment. Whatever is in it, such as a file that is missing, does not mean that the object advertises
// nothing.
type passing struct{ error }
