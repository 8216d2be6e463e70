package controller

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// objects is an API server that can be read, and nothing else: whoever writes panics.
type objects struct {
	client.Client

	items []*v1.OCIRepository
	err   error
}

func (o objects) Get(_ context.Context, name client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if o.err != nil {
		return o.err
	}
	for _, item := range o.items {
		if client.ObjectKeyFromObject(item) == name {
			item.DeepCopyInto(into.(*v1.OCIRepository)) //nolint:forcetypeassert // nothing else is asked for
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{}, name.Name)
}

func (o objects) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	for _, item := range o.items {
		list := into.(*v1.OCIRepositoryList) //nolint:forcetypeassert // nothing else is asked for
		list.Items = append(list.Items, *item.DeepCopy())
	}
	return o.err
}

// replica says what comes of asking other replicas.
type replica func(context.Context, store.Key, source.Advertised) error

func (f replica) Mirror(ctx context.Context, key store.Key, a source.Advertised) (store.Entry, error) {
	return store.Entry{}, f(ctx, key, a)
}

// advertising is an object whose status points to artifact n, which lies in a registry.
func advertising(n int) *v1.OCIRepository {
	object := after(stored(n))
	object.Spec.Interval.Duration = time.Hour
	object.Status.Artifact.Metadata[v1.MetadataSource] = "registry.example.com/app@" + digest.FromString("m").String()
	return object
}

func request() ctrl.Request {
	return ctrl.Request{NamespacedName: client.ObjectKey{Namespace: key.Namespace, Name: key.Name}}
}

func openStore(t *testing.T, bodies ...string) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, body := range bodies {
		if _, err := s.Put(key, func(w io.Writer) error { _, err := io.WriteString(w, body); return err }); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// A replica that waits keeps its store in step, and neither asks a registry nor writes anything.
func TestFollowing(t *testing.T) {
	t.Parallel()
	fresh := func() *v1.OCIRepository {
		object := advertising(1)
		object.Status.Artifact.LastUpdateTime = metav1.Now()
		return object
	}
	withdrawn, foreign := advertising(1), fresh()
	withdrawn.Status.Artifact = nil
	delete(foreign.Status.Artifact.Metadata, v1.MetadataSource)
	for name, tc := range map[string]struct {
		items []*v1.OCIRepository
		other error // what comes of asking other replicas
		asked bool
		left  bool // an older entry stays in the store
		again time.Duration
	}{
		"advertised":           {[]*v1.OCIRepository{fresh()}, nil, true, true, time.Hour},
		"nobody has it":        {[]*v1.OCIRepository{fresh()}, fs.ErrNotExist, true, true, mirrorAgain},
		"nobody has had it":    {[]*v1.OCIRepository{advertising(1)}, fs.ErrNotExist, true, false, mirrorAgain},
		"withdrawn":            {[]*v1.OCIRepository{withdrawn}, nil, false, false, time.Hour},
		"another controller's": {[]*v1.OCIRepository{foreign}, nil, false, true, time.Hour},
		"deleted":              {nil, nil, false, false, 0},
	} {
		asked := false
		s := openStore(t, "older")
		r := &Reconciler{
			Client: objects{items: tc.items}, Store: s, Elected: make(chan struct{}), Durations: NewDurations(),
			Mirror: replica(func(_ context.Context, k store.Key, a source.Advertised) error {
				asked = k == key && a.Digest == digest.FromString("bytes1") && a.Size == 1
				return tc.other
			}),
		}
		result, err := r.Reconcile(t.Context(), request())
		if err != nil || result.RequeueAfter != tc.again || asked != tc.asked {
			t.Errorf("%s: again in %s, asked %t, %v", name, result.RequeueAfter, asked, err)
		}
		if _, err := s.Latest(key); (err == nil) != tc.left {
			t.Errorf("%s: the older entry: %v", name, err)
		}
	}
}

func TestWhatFollowersSee(t *testing.T) {
	t.Parallel()
	elected := make(chan struct{})
	r := &Reconciler{Elected: elected}
	same := advertising(1)
	same.Status.Conditions = nil
	for name, tc := range map[string]struct {
		before, after *v1.OCIRepository
		want          bool
	}{
		"first artifact":  {newObject(1), advertising(1), true},
		"next artifact":   {advertising(1), advertising(2), true},
		"withdrawn":       {advertising(1), newObject(1), true},
		"other condition": {advertising(1), same, false},
	} {
		update := event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}
		if r.followed().Update(update) != tc.want {
			t.Errorf("%s: not %t", name, tc.want)
		}
	}
	close(elected)
	if r.followed().Update(event.UpdateEvent{ObjectOld: newObject(1), ObjectNew: advertising(1)}) {
		t.Error("the leader reconciles what it has written")
	}
}

// Who begins to lead looks at everything at once.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		elected := make(chan struct{})
		r := &Reconciler{Elected: elected, Client: objects{items: []*v1.OCIRepository{advertising(1)}}}
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		ctx, cancel := context.WithCancel(t.Context())
		if err := (takeOver{r}).Start(ctx, queue); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if queue.Len() > 0 || r.leads() {
			t.Error("it begins before it leads")
		}
		close(elected)
		synctest.Wait()
		if got, _ := queue.Get(); got != request() || !r.leads() {
			t.Errorf("queued %v", got)
		}
		queue.ShutDown()
		cancel()
	})
}

func TestWarmUp(t *testing.T) {
	t.Parallel()
	unreachable := errors.New("connection refused")
	for name, tc := range map[string]struct {
		answer func(ctx context.Context, since time.Duration) error
		want   time.Duration
	}{
		"all is there":      {func(context.Context, time.Duration) error { return nil }, 0},
		"nobody has it":     {func(context.Context, time.Duration) error { return fs.ErrNotExist }, 0},
		"nobody answers":    {func(context.Context, time.Duration) error { return unreachable }, reachable},
		"it takes too long": {func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }, time.Minute},
		"it takes a while":  {func(context.Context, time.Duration) error { <-time.After(40 * time.Second); return nil }, 40 * time.Second},
		"the network is young": {func(_ context.Context, since time.Duration) error {
			return map[bool]error{true: unreachable}[since < 3*time.Second]
		}, 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			r := &Reconciler{Client: objects{items: []*v1.OCIRepository{advertising(1), advertising(2), newObject(1)}}, Store: openStore(t)}
			r.Mirror = replica(func(ctx context.Context, _ store.Key, _ source.Advertised) error {
				return tc.answer(ctx, time.Since(start))
			})
			w := NewWarmUp(r, time.Minute)
			if w.Check(nil) == nil {
				t.Errorf("%s: ready at once", name)
			}
			if err := w.Start(t.Context()); err != nil || w.Check(nil) != nil {
				t.Errorf("%s: %v, then %v", name, err, w.Check(nil))
			}
			if took := time.Since(start); took != tc.want {
				t.Errorf("%s: it took %s, want %s", name, took, tc.want)
			}
		})
	}
}

// A replica that starts does not serve what was dropped while it fetched it.
func TestWarmUpOfWhatWentMeanwhile(t *testing.T) {
	t.Parallel()
	withdrawn := advertising(1)
	withdrawn.Status.Artifact = nil
	for name, tc := range map[string]struct {
		there string // in the store before
		items []*v1.OCIRepository
		left  bool
	}{
		"nothing changed":                   {"", []*v1.OCIRepository{advertising(1)}, true},
		"deleted":                           {"", nil, false},
		"withdrawn":                         {"", []*v1.OCIRepository{withdrawn}, false},
		"superseded":                        {"", []*v1.OCIRepository{advertising(2)}, false},
		"superseded, and was there already": {"bytes1", []*v1.OCIRepository{advertising(2)}, true},
	} {
		s := openStore(t)
		if tc.there != "" {
			putBack(t, s, tc.there)
		}
		cache := &objects{items: tc.items}
		r := &Reconciler{Client: cache, Store: s, Mirror: replica(func(context.Context, store.Key, source.Advertised) error {
			putBack(t, s, "bytes1")
			return nil
		})}
		NewWarmUp(r, time.Minute).fetch(t.Context(), []*v1.OCIRepository{advertising(1)})
		if _, err := s.Stat(key, digest.FromString("bytes1")); (err == nil) != tc.left {
			t.Errorf("%s: in the store: %v", name, err)
		}
	}
}

// What nobody has is asked for less and less often, and what was superseded goes all the same.
func TestFollowingWhatNobodyHas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		object := advertising(1)
		object.Status.Artifact.LastUpdateTime = metav1.Now()
		s := openStore(t, "older")
		r := &Reconciler{
			Client: objects{items: []*v1.OCIRepository{object}}, Store: s, Elected: make(chan struct{}), Durations: NewDurations(),
			Mirror: replica(func(context.Context, store.Key, source.Advertised) error { return fs.ErrNotExist }),
		}
		start, asked := time.Now(), 0
		for time.Since(start) < 24*time.Hour {
			result, err := r.Reconcile(t.Context(), request())
			if err != nil || result.RequeueAfter < mirrorAgain || result.RequeueAfter > time.Hour {
				t.Fatalf("again in %s, %v", result.RequeueAfter, err)
			}
			if _, err := s.Latest(key); (err == nil) != (time.Since(start) < time.Minute) {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
			asked++
			<-time.After(result.RequeueAfter)
		}
		if asked < 24 || asked > 40 {
			t.Errorf("asked %d times in a day", asked)
		}
		object.Status.Artifact.Digest = digest.FromString("next").String()
		if result, err := r.Reconcile(t.Context(), request()); err != nil || result.RequeueAfter != mirrorAgain {
			t.Errorf("the next artifact: again in %s, %v", result.RequeueAfter, err)
		}
	})
}
