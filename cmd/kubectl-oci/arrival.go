package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiwatch "k8s.io/apimachinery/pkg/watch"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// arrival is what is known of an artifact's way into the cluster.
type arrival struct {
	*connection
	report *reporter
	digest digest.Digest
	asked  *v1.OCIRepository // with the request to look at once; nil: there is none

	mu      sync.Mutex // two watches write
	source  *v1.OCIRepository
	applier *applier
	said    string
}

// errArrived ends the wait well.
var errArrived = errors.New("it was applied")

// rejection is the cluster's answer that it does not take the artifact.
type rejection struct{ error }

func (r *rejection) Unwrap() error { return r.error }

// follow watches both objects until the artifact is applied, which is errArrived, or never will be, or ctx ends.
func (a *arrival) follow(ctx context.Context) error {
	source, applier := a.source, a.applier
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		only := selection{names: []string{applier.Name}}
		kind := kustomizationResource()
		objects := a.client.Resource(kind).Namespace(applier.Namespace)
		return gone(follow(ctx, objects, kind.GroupResource(), only, a.seen(string(applier.UID), func(u *unstructured.Unstructured) (err error) {
			a.applier, err = readApplier(u)
			return err
		})), "it")
	})
	group.Go(func() error {
		only := selection{names: []string{source.Name}}
		return gone(a.connection.follow(ctx, source.Namespace, only, a.seen(string(source.UID), func(u *unstructured.Unstructured) (err error) {
			a.source, err = typed(u)
			return err
		})), kindPrefix+source.Name)
	})
	return group.Wait()
}

// gone says which of the objects was deleted.
func gone(err error, title string) error {
	if apierrors.IsNotFound(err) || errors.Is(err, errDeleted) {
		return fmt.Errorf("%s was deleted meanwhile", title)
	}
	return err
}

// seen takes note of a change, and judges anew.
func (a *arrival) seen(uid string, note func(*unstructured.Unstructured) error) watcher {
	return func(kind apiwatch.EventType, u *unstructured.Unstructured) (bool, error) {
		if kind == apiwatch.Deleted || string(u.GetUID()) != uid {
			return false, errDeleted
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if err := note(u); err != nil {
			return false, err
		}
		if err := a.judge(); err != nil {
			return false, err
		}
		if text := a.pending(); text != a.said {
			a.said = text
			a.report.line("waiting: %s", text)
		}
		return false, nil
	}
}

// judge gives errArrived when the artifact is applied, nil while it may be, a rejection when the cluster does not take it, and any other
// error when that is not to be found out any more.
func (a *arrival) judge() error {
	if a.applier.applied(a.digest) {
		return errArrived
	}
	if err := a.applier.usable(); err != nil {
		return err
	}
	if why := a.applier.failed(a.digest); why != nil {
		return &rejection{&hintedError{reasonOf(why), fmt.Sprintf("kubectl describe kustomization/%s -n %s", a.applier.Name, a.applier.Namespace)}}
	}
	return a.judgeSource()
}

func (a *arrival) judgeSource() error {
	o := a.source
	if o.Spec.Suspend {
		return fmt.Errorf("%s%s was suspended meanwhile", kindPrefix, o.Name)
	}
	ready := meta.FindStatusCondition(o.Status.Conditions, v1.ConditionReady)
	exposes := o.Status.Artifact != nil && names(o.Status.Artifact.Revision, a.digest)
	if ready == nil || exposes && ready.Status != metav1.ConditionFalse {
		return nil
	}
	looked := a.asked != nil && answers(o, a.asked) && ready.ObservedGeneration == o.Generation
	switch {
	case ready.Status == metav1.ConditionFalse && (looked || strings.Contains(ready.Message, a.digest.String())):
		return &rejection{&hintedError{fmt.Errorf("%s%s: %w", kindPrefix, o.Name, reasonOf(ready)),
			fmt.Sprintf("kubectl oci explain %s -n %s", o.Name, o.Namespace)}}
	case ready.Status == metav1.ConditionTrue && looked && !a.coming() && o.Status.Artifact != nil:
		return fmt.Errorf("%s%s has looked, and follows another artifact: %s", kindPrefix, o.Name, oneLineOf(o.Status.Artifact.Revision))
	}
	return nil
}

// coming tells whether the source says that it is to expose something else.
func (a *arrival) coming() bool {
	for _, kind := range []string{v1.ConditionUpdatePending, v1.ConditionArtifactOutdated, v1.ConditionReconciling} {
		if meta.IsStatusConditionTrue(a.source.Status.Conditions, kind) {
			return true
		}
	}
	return false
}

// pending says what is waited for, in the words of who works on it.
func (a *arrival) pending() string {
	o := a.source
	title, conditions := kindPrefix+o.Name, o.Status.Conditions
	if o.Status.Artifact != nil && names(o.Status.Artifact.Revision, a.digest) {
		title, conditions = "kustomization/"+a.applier.Name, a.applier.Status.Conditions
	}
	for _, kind := range []string{v1.ConditionUpdatePending, v1.ConditionReconciling, v1.ConditionReady} {
		c := meta.FindStatusCondition(conditions, kind)
		if c != nil && (c.Status == metav1.ConditionTrue || kind == v1.ConditionReady) {
			return fmt.Sprintf("%s: %s", title, oneLineOf(c.Message))
		}
	}
	return title
}

// names tells whether a revision, TAG@DIGEST or DIGEST, is of the digest.
func names(revision string, d digest.Digest) bool {
	return revision == d.String() || strings.HasSuffix(revision, "@"+d.String())
}

func reasonOf(c *metav1.Condition) error { return fmt.Errorf("%s: %s", c.Reason, oneLineOf(c.Message)) }
