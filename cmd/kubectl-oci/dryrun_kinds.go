package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// servedKind is where the objects of a kind are.
type servedKind struct {
	resource   schema.GroupVersionResource
	namespaced bool
}

// servedKinds are those of one API version, asked for once.
type servedKinds struct {
	once sync.Once
	all  map[string]servedKind
	err  error
}

// served says where the objects of a kind are. The client library's discovery, which asks for all groups, costs start-up time as well.
func (d *dryRun) served(ctx context.Context, apiVersion, kind string) (servedKind, error) {
	d.mu.Lock()
	kinds := d.kinds[apiVersion]
	if kinds == nil {
		kinds = &servedKinds{}
		d.kinds[apiVersion] = kinds
	}
	d.mu.Unlock()
	kinds.once.Do(func() { kinds.all, kinds.err = d.discover(ctx, apiVersion) })
	found, ok := kinds.all[kind]
	if kinds.err == nil && !ok {
		return found, errUnserved
	}
	return found, kinds.err
}

func (d *dryRun) discover(ctx context.Context, apiVersion string) (map[string]servedKind, error) {
	version, err := schema.ParseGroupVersion(apiVersion)
	wrong := validation.IsDNS1035Label(version.Version)
	if version.Group != "" {
		wrong = append(wrong, validation.IsDNS1123Subdomain(version.Group)...)
	}
	if err != nil || len(wrong) > 0 { // which would be another path
		return nil, fmt.Errorf("%q is no API version", apiVersion)
	}
	path := "/apis/" + apiVersion
	if version.Group == "" {
		path = "/api/" + apiVersion
	}
	body, err := d.get(ctx, path)
	if apierrors.IsNotFound(err) {
		return nil, errUnserved
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the kinds of %s: %w", apiVersion, err)
	}
	defer body.Close()
	var list metav1.APIResourceList
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return nil, fmt.Errorf("read the kinds of %s: %w", apiVersion, err)
	}
	kinds := map[string]servedKind{}
	for _, r := range list.APIResources {
		if !strings.Contains(r.Name, "/") {
			kinds[r.Kind] = servedKind{version.WithResource(r.Name), r.Namespaced}
		}
	}
	return kinds, nil
}
