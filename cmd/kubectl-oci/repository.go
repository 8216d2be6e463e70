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
		if apierrors.IsNotFound(err) {
			return nil, &hintedError{fmt.Errorf("get %q: %w in namespace %q", name, err, namespace), "is that the namespace? -n names another"}
		}
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
