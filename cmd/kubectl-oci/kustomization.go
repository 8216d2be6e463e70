package main

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kustomization is what is known of who applies the objects. Nil: nobody is named.
type kustomization struct {
	namespace, name string
	folder          string // of the artifact, that is applied
	targetNamespace string
	prune           bool
	inventory       []inventoried
	changes         []string // fields by which it changes what it applies, which is not done here
}

func (k *kustomization) target() string {
	if k == nil {
		return ""
	}
	return k.targetNamespace
}

// path is the folder of the artifact that is applied; empty: all of it.
func (k *kustomization) path() string {
	if k == nil {
		return ""
	}
	return k.folder
}

// changesToo are fields by which a Kustomization changes what it applies, which is not done here.
func changesToo(spec map[string]any) (fields []string) {
	for _, field := range []string{"patches", "images", "postBuild", "namePrefix", "nameSuffix", "commonMetadata", "components", "decryption"} {
		if spec[field] != nil {
			fields = append(fields, "spec."+field)
		}
	}
	return fields
}

func (c *connection) kustomization(ctx context.Context, name string) (*kustomization, error) {
	name = name[strings.LastIndexByte(name, '/')+1:]
	u, err := c.client.Resource(kustomizationResource()).Namespace(c.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get Kustomization %q: %w", name, err)
	}
	return readKustomization(u)
}
