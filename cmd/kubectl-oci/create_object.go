package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// objects are the Secrets first, and then what names them.
func (o *createOptions) objects(ctx context.Context, streams genericiooptions.IOStreams) (all []*unstructured.Unstructured, err error) {
	keys, err := o.trust.complete(ctx, o.name, &o.spec)
	if err != nil {
		return nil, err
	}
	login, err := o.secrets.complete(ctx, o.name, o.repository, &o.spec, streams.In)
	if err != nil {
		return nil, err
	}
	for _, u := range []*unstructured.Unstructured{login, keys} {
		if u != nil {
			all = append(all, u)
		}
	}
	object, err := o.object()
	if err != nil {
		return nil, err
	}
	all = append(all, object)
	for _, u := range all {
		if namespace := o.overrides.Context.Namespace; namespace != "" {
			u.SetNamespace(namespace)
		}
	}
	return all, nil
}

func (o *createOptions) object() (*unstructured.Unstructured, error) {
	o.spec.Interval = v1.Duration{Duration: o.interval}
	if o.ref != (v1.OCIRepositoryRef{}) {
		o.spec.Reference = &o.ref
	}
	if len(o.ignore) > 0 {
		patterns := strings.Join(o.ignore, "\n") + "\n"
		o.spec.Ignore = &patterns
	}
	labels, err := keyValuesOf(o.labels)
	if err != nil {
		return nil, err
	}
	u, err := newObject(v1.GroupVersion().String(), v1.KindOCIRepository, o.name, labels, map[string]any{"spec": o.spec})
	if err != nil {
		return nil, err
	}
	return u, unstructured.SetNestedField(u.Object, written(o.interval), "spec", "interval")
}

// written is a duration as people write it: 5m, not 5m0s.
func written(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func keyValuesOf(pairs []string) (map[string]string, error) {
	all := map[string]string{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("--label %q is not of the form key=value", pair)}
		}
		all[key] = value
	}
	return all, nil
}
