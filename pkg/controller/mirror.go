package controller

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// Mirror puts into the store what an object advertises, when another replica holds it, as [source.Source] does. The error wraps
// fs.ErrNotExist when none does. It must be safe for concurrent use.
type Mirror interface {
	Mirror(context.Context, store.Key, source.Advertised) (store.Entry, error)
}

const (
	mirrorAgain = 15 * time.Second // at least, until a replica that follows looks again for what no other one had
	maxMirror   = 5 * time.Minute  // that a download from another replica may take
)

// mirror sees to it that the store has what the object advertises, if another replica does. What another controller advertises is
// that one's business.
func (r *Reconciler) mirror(ctx context.Context, object *v1.OCIRepository) error {
	a := attempt.Advertised(object.Status)
	if r.Mirror == nil || a.Place == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxMirror)
	defer cancel()
	_, err := r.Mirror.Mirror(ctx, attempt.KeyOf(object), a)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.FromContext(ctx).V(1).Info("what is advertised cannot be mirrored", "error", err.Error())
	}
	return err
}

// follow keeps the store of a replica that does not lead in step with what objects advertise. It asks no registry, and writes nothing
// to Kubernetes. What is not advertised any more goes whether or not what is advertised could be had.
func (r *Reconciler) follow(object *v1.OCIRepository, mirrored bool) (ctrl.Result, error) {
	if err := r.prune(object); err != nil {
		return ctrl.Result{}, err
	}
	at, interval := rand.Float64(), object.Spec.Interval.Duration //nolint:gosec // it spreads requests and keeps no secret
	if mirrored {
		r.absences.end(attempt.KeyOf(object))
		return ctrl.Result{RequeueAfter: spread(interval, r.Jitter, at)}, nil
	}
	missing := r.absences.lasts(attempt.KeyOf(object), attempt.Advertised(object.Status).Digest, time.Now())
	return ctrl.Result{RequeueAfter: late(max(min(missing, interval), mirrorAgain), interval, r.Jitter, at)}, nil
}

const (
	mirrorsAtOnce = 8
	// reachable is how long the start waits for replicas that do not answer: the network of a new Pod may need a moment, and of one
	// that is gone the name may still be known.
	reachable = 10 * time.Second
)

// WarmUp fetches at the start what objects advertise from other replicas, so that no Service sends downloads to one that would have to
// ask those first, nor lets the last one that has the bytes go. It runs on every replica; see [NewWarmUp].
type WarmUp struct {
	reconciler *Reconciler
	limit      time.Duration
	done       chan struct{}
}

// NewWarmUp takes no longer than limit.
func NewWarmUp(r *Reconciler, limit time.Duration) *WarmUp {
	return &WarmUp{reconciler: r, limit: limit, done: make(chan struct{})}
}

// NeedLeaderElection makes the manager start it everywhere.
func (*WarmUp) NeedLeaderElection() bool { return false }

// Check passes when the warm-up is over.
func (w *WarmUp) Check(*http.Request) error {
	select {
	case <-w.done:
		return nil
	default:
		return errors.New("what is advertised is not all fetched from other replicas yet")
	}
}

// Start fetches until all is there, or no replica has what is missing, or the time is over.
func (w *WarmUp) Start(ctx context.Context) error {
	defer close(w.done)
	ctx, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	var objects v1.OCIRepositoryList
	if err := w.reconciler.Client.List(ctx, &objects); err != nil {
		return err
	}
	missing := make([]*v1.OCIRepository, 0, len(objects.Items))
	for i := range objects.Items {
		missing = append(missing, &objects.Items[i])
	}
	w.fetch(ctx, missing)
	return nil
}

func (w *WarmUp) fetch(ctx context.Context, missing []*v1.OCIRepository) {
	patience := time.NewTimer(reachable)
	defer patience.Stop()
	for said := false; ; said = true {
		if missing = w.round(ctx, missing); len(missing) == 0 {
			return
		}
		if !said {
			log.FromContext(ctx).Info("not ready yet: what is advertised is fetched from other replicas, and some do not answer",
				"missing", len(missing), "one", client.ObjectKeyFromObject(missing[0]), "atMost", reachable)
		}
		select {
		case <-time.After(time.Second):
		case <-patience.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// round tries each once, some at a time, and gives those that another try may bring.
func (w *WarmUp) round(ctx context.Context, objects []*v1.OCIRepository) (again []*v1.OCIRepository) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	queue := make(chan *v1.OCIRepository)
	for range mirrorsAtOnce {
		workers.Go(func() {
			for object := range queue {
				if err := w.mirror(ctx, object); err != nil && !errors.Is(err, fs.ErrNotExist) {
					mu.Lock()
					again = append(again, object)
					mu.Unlock()
				}
			}
		})
	}
	for _, object := range objects {
		queue <- object
	}
	close(queue)
	workers.Wait()
	return again
}

// mirror goes on beside the reconciles, which drop what is not advertised any more. What they have seen in the cache by the time that it
// arrives, they do not look for again.
func (w *WarmUp) mirror(ctx context.Context, object *v1.OCIRepository) error {
	r, d := w.reconciler, attempt.Advertised(object.Status).Digest
	if _, err := r.Store.Stat(attempt.KeyOf(object), d); err == nil {
		return nil
	}
	if err := r.mirror(ctx, object); err != nil || d == "" {
		return err
	}
	now, err := r.read(ctx, client.ObjectKeyFromObject(object))
	if err := r.keep(object, d, now, err); err != nil {
		log.FromContext(ctx).V(1).Info("what was mirrored is dropped", "error", err.Error())
	}
	return nil
}
