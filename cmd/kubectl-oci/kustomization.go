package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kustomization is what is known of who applies the objects. Nil: nobody is named.
type kustomization struct {
	namespace, name string
	folder          string // of the artifact, that is applied
	targetNamespace string
	prune           bool
	inventory       []inventoried
	account         string   // as which it applies; empty: as its controller
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

// explainKustomization says why there is none to get.
func explainKustomization(err error, namespace string) error {
	switch {
	case unserved(err):
		return &hintedError{errors.New("the cluster knows no Kustomization"), "it comes with Flux's kustomize-controller: flux install --components=kustomize-controller"}
	case apierrors.IsNotFound(err):
		return &hintedError{fmt.Errorf("there is none in namespace %q", namespace), "-n names another namespace"}
	}
	return err
}

func (c *connection) kustomization(ctx context.Context, name string) (*kustomization, error) {
	if kind, rest, ok := strings.Cut(name, "/"); ok && (kind == "kustomization" || kind == "kustomizations" || kind == "ks") {
		name = rest
	}
	if strings.Contains(name, "/") {
		return nil, usageError{fmt.Errorf("%q is no Kustomization: it is written as NAME or kustomization/NAME", name)}
	}
	u, err := c.client.Resource(kustomizationResource()).Namespace(c.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get Kustomization %q: %w", name, explainKustomization(err, c.namespace))
	}
	if _, elsewhere, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "kubeConfig"); elsewhere {
		return nil, fmt.Errorf("compare for Kustomization %q: it applies to another cluster, by its spec.kubeConfig: name that one with --context, and leave out --kustomization", name)
	}
	return readKustomization(u)
}
