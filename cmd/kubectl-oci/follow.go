package main

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// errExpired says that changes were missed: the list is to be read anew.
var errExpired = errors.New("the API server has forgotten what changed since")

// follow hands each object that is selected, by one name at most, to see, as it is and after every change, until see is done or fails, or
// ctx ends. See may be handed the same state twice. An object that was named and is not there is an error.
func (c *connection) follow(ctx context.Context, namespace string, s selection, see watcher) error {
	return follow(ctx, repositoriesIn{c, namespace}, repositoryResource(c.version).GroupResource(), s, see)
}

// watcher is shown an object after every change, until it is done or fails.
type watcher func(apiwatch.EventType, *unstructured.Unstructured) (done bool, err error)

// listWatcher is where the API server has objects of one kind.
type listWatcher interface {
	List(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error)
	Watch(context.Context, metav1.ListOptions) (apiwatch.Interface, error)
}

// repositoriesIn are the OCIRepositories of a namespace, in the version that the cluster serves.
type repositoriesIn struct {
	*connection
	namespace string
}

func (r repositoriesIn) List(ctx context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	return repositories(r.connection, r.namespace, func(kind dynamic.ResourceInterface) (*unstructured.UnstructuredList, error) {
		return kind.List(ctx, options)
	})
}

func (r repositoriesIn) Watch(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
	return repositories(r.connection, r.namespace, func(kind dynamic.ResourceInterface) (apiwatch.Interface, error) {
		return kind.Watch(ctx, options)
	})
}

// follow is for any kind.
func follow(ctx context.Context, objects listWatcher, kind schema.GroupResource, s selection, see watcher) error {
	options := metav1.ListOptions{LabelSelector: s.selector}
	if len(s.names) > 0 {
		options.FieldSelector = fields.OneTermEqualSelector("metadata.name", s.names[0]).String()
	}
	for {
		list, err := objects.List(ctx, options)
		if err != nil {
			return err
		}
		if len(list.Items) == 0 && len(s.names) > 0 { // a watch would wait for it without a word
			return fmt.Errorf("get %q: %w", s.names[0], apierrors.NewNotFound(kind, s.names[0]))
		}
		for i := range list.Items {
			if done, err := see(apiwatch.Added, &list.Items[i]); done || err != nil {
				return err
			}
		}
		options.ResourceVersion = list.GetResourceVersion()
		if err := changes(ctx, objects, options, see); !errors.Is(err, errExpired) {
			return err
		}
		options.ResourceVersion = ""
	}
}

// changes watches from a version on, again where the API server ends the watch, as it does now and then.
func changes(ctx context.Context, objects listWatcher, options metav1.ListOptions, see watcher) error {
	for ctx.Err() == nil {
		w, err := objects.Watch(ctx, options)
		if isExpired(err) {
			return errExpired
		}
		if err != nil {
			return err
		}
		done, err := drain(w, &options.ResourceVersion, see)
		switch {
		case done:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx) // the watch's own error only says that it was cut
		case err != nil:
			return err
		}
	}
	return context.Cause(ctx)
}

// drain reads a watch to its end and moves version on.
func drain(w apiwatch.Interface, version *string, see watcher) (done bool, err error) {
	defer w.Stop()
	for event := range w.ResultChan() {
		o, ok := event.Object.(*unstructured.Unstructured)
		if event.Type == apiwatch.Error || !ok {
			if err := apierrors.FromObject(event.Object); !isExpired(err) {
				return false, err
			}
			return false, errExpired
		}
		*version = o.GetResourceVersion()
		if done, err := see(event.Type, o); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

func isExpired(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }
