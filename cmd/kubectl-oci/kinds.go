package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// maxDiscovery is the most bytes of one answer about what the cluster serves.
const maxDiscovery = 16 << 20

// listable are all kinds that a namespace may hold, each in the version of its group that is preferred, or else in any that has it. Kubernetes'
// own client for that registers all its kinds before main begins.
func (c *connection) listable(ctx context.Context) (kinds []schema.GroupVersionResource, err error) {
	groups := metav1.APIGroupList{}
	if err := c.decode(ctx, "/apis", &groups); err != nil {
		return nil, fmt.Errorf("find out what a namespace may hold: %w", err)
	}
	core := metav1.GroupVersionForDiscovery{GroupVersion: "v1", Version: "v1"}
	all := append([]metav1.APIGroup{{Versions: []metav1.GroupVersionForDiscovery{core}, PreferredVersion: core}}, groups.Groups...)
	for _, group := range all {
		found, err := c.listableOf(ctx, group)
		if err != nil {
			return nil, fmt.Errorf("find out what a namespace may hold: %w", err)
		}
		kinds = append(kinds, found...)
	}
	return kinds, nil
}

func (c *connection) listableOf(ctx context.Context, group metav1.APIGroup) (kinds []schema.GroupVersionResource, err error) {
	seen := map[string]bool{}
	for _, version := range append([]metav1.GroupVersionForDiscovery{group.PreferredVersion}, group.Versions...) {
		path := "/apis/" + version.GroupVersion
		if group.Name == "" {
			path = "/api/" + version.GroupVersion
		}
		if seen[path] {
			continue
		}
		seen[path] = true
		served := metav1.APIResourceList{}
		if err := c.decode(ctx, path, &served); err != nil {
			return nil, err
		}
		for _, r := range served.APIResources {
			if r.Namespaced && !seen[r.Name] && slices.Contains(r.Verbs, "list") && !strings.Contains(r.Name, "/") {
				seen[r.Name] = true
				kinds = append(kinds, schema.GroupVersionResource{Group: group.Name, Version: version.Version, Resource: r.Name})
			}
		}
	}
	return kinds, nil
}

// decode reads what lies at a path of the API server.
func (c *connection) decode(ctx context.Context, path string, into any) error {
	body, err := c.get(ctx, path)
	if err != nil {
		return fmt.Errorf("ask for %s: %s", path, oneLine(err))
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, maxDiscovery))
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	return nil
}
