package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// kindPrefix is how messages write an OCIRepository's name.
const kindPrefix = "ocirepository/"

// objectName takes NAME, ocirepository/NAME and what else kubectl would; isKind tells whether the kind was said.
func objectName(arg string) (name string, isKind bool, err error) {
	kind, name, isKind := strings.Cut(arg, "/")
	switch {
	case !isKind:
		name = arg
	case !isRepositoryKind(kind):
		return "", false, usageError{fmt.Errorf("%q is no OCIRepository: name one as NAME or %sNAME", arg, kindPrefix)}
	}
	if name == "" || strings.ContainsAny(name, "/%") || name == "." || name == ".." {
		return "", isKind, usageError{fmt.Errorf("%q names no object", arg)}
	}
	return name, isKind, nil
}

func isRepositoryKind(kind string) bool {
	kind, group, _ := strings.Cut(strings.ToLower(kind), ".")
	return slices.Contains([]string{"ocirepository", "ocirepositories", "ocirepo"}, kind) &&
		(group == "" || group == v1.Group || strings.HasSuffix(group, "."+v1.Group))
}

// typed is the object as this project knows it.
func typed(u *unstructured.Unstructured) (*v1.OCIRepository, error) {
	raw, err := u.MarshalJSON()
	if err != nil {
		return nil, err
	}
	o := &v1.OCIRepository{}
	if err := json.Unmarshal(raw, o); err != nil {
		return nil, fmt.Errorf("read OCIRepository %q: %w", u.GetName(), err)
	}
	return o, nil
}

// selection is which objects a command is about: those with the names, with a label, or all of the namespace.
type selection struct {
	names    []string
	all      bool
	selector string
}

func (s *selection) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&s.all, "all", false, "all objects of the namespace")
	flags.StringVarP(&s.selector, "selector", "l", "", "all objects of the namespace whose labels match, as in app=web")
}

func (s *selection) complete(args []string) error {
	for _, arg := range args {
		name, _, err := objectName(arg)
		if err != nil {
			return err
		}
		if !slices.Contains(s.names, name) {
			s.names = append(s.names, name)
		}
	}
	wide := s.all || s.selector != ""
	switch {
	case len(s.names) == 0 && !wide:
		return usageError{errors.New("NAME is missing: name objects, or all of them with --all")}
	case len(s.names) > 0 && wide:
		return usageError{errors.New("names and --all or --selector: give one or the other")}
	}
	return nil
}

// read gives the objects. No name means all that the selector leaves.
func (c *connection) read(ctx context.Context, namespace string, s selection) (*unstructured.UnstructuredList, error) {
	if len(s.names) == 0 {
		list, err := repositories(c, namespace, func(r dynamic.ResourceInterface) (*unstructured.UnstructuredList, error) {
			return r.List(ctx, metav1.ListOptions{LabelSelector: s.selector})
		})
		if err != nil {
			return nil, fmt.Errorf("list OCIRepositories: %w", err)
		}
		return list, nil
	}
	list := &unstructured.UnstructuredList{}
	var missing []error
	for _, name := range s.names {
		switch o, err := c.one(ctx, namespace, name); {
		case err == nil:
			list.Items = append(list.Items, *o)
		case apierrors.IsNotFound(err):
			missing = append(missing, err)
		default:
			return nil, err
		}
	}
	return list, allOf(missing)
}

func (c *connection) one(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	o, err := repositories(c, namespace, func(r dynamic.ResourceInterface) (*unstructured.Unstructured, error) {
		return r.Get(ctx, name, metav1.GetOptions{})
	})
	if err != nil {
		return nil, fmt.Errorf("get %q: %w", name, err)
	}
	return o, nil
}

// allOf is one error for several, on one line.
func allOf(all []error) error {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	texts := make([]string, len(all))
	for i, err := range all {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

// errExpired says that changes were missed: the list is to be read anew.
var errExpired = errors.New("the API server has forgotten what changed since")

// follow hands each object that is selected, by one name at most, to see, as it is and after every change, until see is done or fails, or
// ctx ends. See may be handed the same state twice. An object that was named and is not there is an error.
func (c *connection) follow(
	ctx context.Context, namespace string, s selection, see func(apiwatch.EventType, *unstructured.Unstructured) (done bool, err error),
) error {
	options := metav1.ListOptions{LabelSelector: s.selector}
	if len(s.names) > 0 {
		options.FieldSelector = fields.OneTermEqualSelector("metadata.name", s.names[0]).String()
	}
	for {
		list, err := repositories(c, namespace, func(r dynamic.ResourceInterface) (*unstructured.UnstructuredList, error) {
			return r.List(ctx, options)
		})
		if err != nil {
			return err
		}
		if len(list.Items) == 0 && len(s.names) > 0 { // a watch would wait for it without a word
			return fmt.Errorf("get %q: %w", s.names[0], apierrors.NewNotFound(repositoryResource(c.version).GroupResource(), s.names[0]))
		}
		for i := range list.Items {
			if done, err := see(apiwatch.Added, &list.Items[i]); done || err != nil {
				return err
			}
		}
		options.ResourceVersion = list.GetResourceVersion()
		if err := c.changes(ctx, namespace, options, see); !errors.Is(err, errExpired) {
			return err
		}
		options.ResourceVersion = ""
	}
}

// changes watches from a version on, again where the API server ends the watch, as it does now and then.
func (c *connection) changes(
	ctx context.Context, namespace string, options metav1.ListOptions, see func(apiwatch.EventType, *unstructured.Unstructured) (bool, error),
) error {
	for ctx.Err() == nil {
		w, err := repositories(c, namespace, func(r dynamic.ResourceInterface) (apiwatch.Interface, error) { return r.Watch(ctx, options) })
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
func drain(w apiwatch.Interface, version *string, see func(apiwatch.EventType, *unstructured.Unstructured) (bool, error)) (done bool, err error) {
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
