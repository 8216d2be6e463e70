package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// agentLabel is what our manifests give every object of an agent.
const agentLabel = "app.kubernetes.io/part-of=kubectl-oci"

// versionPatience is how long a cluster may take to say which agents it has.
const versionPatience = 5 * time.Second

// agentVersion is what a Deployment says of the agent that it runs. It takes one request, and the right to list Deployments; to ask the agent
// itself would take services/proxy and a way through its NetworkPolicy, and only a running one would answer.
type agentVersion struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Version   string `json:"version"` // the image's tag, or else its digest
	Image     string `json:"image"`
	Replicas  int64  `json:"replicas"`
	Updated   int64  `json:"updated"` // replicas that run this version and are ready
}

func (a agentVersion) String() string {
	return fmt.Sprintf("agent %s in %s/%s: %d of %d replicas are ready", shown(a.Version), a.Namespace, a.Name, a.Updated, a.Replicas)
}

const noCluster = "--client asks no cluster"

// agents asks the cluster, which has versionPatience. It gives nil only with an error.
func (o *versionOptions) agents(ctx context.Context, warnings io.Writer) ([]agentVersion, error) {
	c, err := o.connect(warnings)
	if err != nil {
		return nil, &hintedError{err, noCluster}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, versionPatience, errWaited)
	defer cancel()
	deployments := c.client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"})
	list, err := deployments.Namespace(o.overrides.Context.Namespace).List(ctx, metav1.ListOptions{LabelSelector: agentLabel})
	if err != nil {
		return nil, explainAgents(ctx, err)
	}
	found := []agentVersion{}
	for i := range list.Items {
		if a, ok := agentOf(&list.Items[i]); ok {
			found = append(found, a)
		}
	}
	return found, nil
}

func explainAgents(ctx context.Context, err error) error {
	const ask = "ask the cluster for its agents"
	switch {
	case expired(ctx):
		return &hintedError{fmt.Errorf("%s: no answer within %s", ask, versionPatience), noCluster}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case apierrors.IsForbidden(err):
		return &hintedError{fmt.Errorf("%s: %w", ask, err), "-n asks in one namespace only, and " + noCluster}
	}
	return &hintedError{fmt.Errorf("%s: %w", ask, err), noCluster}
}

// agentOf reads a Deployment; ok tells whether it is one of an agent.
func agentOf(u *unstructured.Unstructured) (a agentVersion, ok bool) {
	containers, _, err := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return a, false
	}
	at := slices.IndexFunc(containers, func(c any) bool {
		fields, ok := c.(map[string]any)
		return ok && fields["name"] == "agent"
	})
	if at < 0 {
		return a, false
	}
	image, _, err := unstructured.NestedString(containers[at].(map[string]any), "image")
	replicas, _, wanted := unstructured.NestedInt64(u.Object, "spec", "replicas")
	updated, _, running := unstructured.NestedInt64(u.Object, "status", "updatedReplicas")
	ready, _, answering := unstructured.NestedInt64(u.Object, "status", "readyReplicas")
	if errors.Join(err, wanted, running, answering) != nil {
		return a, false
	}
	return agentVersion{u.GetNamespace(), u.GetName(), imageVersion(image), image, replicas, min(updated, ready)}, true
}

// imageVersion is the tag of an image, or else its digest.
func imageVersion(image string) string {
	name, digest, _ := strings.Cut(image, "@")
	if _, tag, ok := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":"); ok {
		return tag
	}
	if digest != "" {
		return digest
	}
	return "latest"
}
