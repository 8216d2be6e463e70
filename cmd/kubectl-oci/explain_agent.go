package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// runningAgent is how an agent was started, by its Deployment.
type runningAgent struct {
	namespace, name string
	flags           map[string]string // without their dashes
	mounts          []corev1.VolumeMount
	volumes         []corev1.Volume
}

func (a *runningAgent) String() string { return "Deployment " + a.namespace + "/" + a.name }

// watches tells whether the agent looks at objects of a namespace.
func (a *runningAgent) watches(namespace string) bool {
	return a.flags["watch-all-namespaces"] != "false" || a.namespace == namespace
}

// agent finds the one that would look at objects of a namespace, the one in it before others; nil: there is none.
func (e *explainedObjects) agent(ctx context.Context, namespace string) (*runningAgent, error) {
	const look = "look for the agent's Deployment"
	deployments, labelled := e.cluster.client.Resource(deploymentResource()), metav1.ListOptions{LabelSelector: agentLabel}
	list, err := deployments.List(ctx, labelled)
	if apierrors.IsForbidden(err) {
		if own, failed := deployments.Namespace(namespace).List(ctx, labelled); failed == nil && len(own.Items) > 0 {
			list, err = own, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", look, err)
	}
	var found []*runningAgent
	for i := range list.Items {
		a := readAgent(&list.Items[i])
		switch {
		case a == nil || !a.watches(namespace):
		case a.namespace == namespace:
			return a, nil
		default:
			found = append(found, a)
		}
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%s: both %s and %s look at namespace %s", look, found[0], found[1], namespace)
}

// readAgent gives nil for what has no agent in it.
func readAgent(u *unstructured.Unstructured) *runningAgent {
	var pod corev1.PodSpec
	spec, _, _ := unstructured.NestedMap(u.Object, "spec", "template", "spec")
	if into(spec, &pod) != nil {
		return nil
	}
	i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == agentName })
	if i < 0 {
		return nil
	}
	c := pod.Containers[i]
	return &runningAgent{u.GetNamespace(), u.GetName(), flagsOf(c.Args), c.VolumeMounts, pod.Volumes}
}

// flagsOf reads arguments as the agent does: a value may be an argument of its own.
func flagsOf(args []string) map[string]string {
	flags := map[string]string{}
	for i, arg := range args {
		name, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") {
			continue
		}
		if !ok && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			value = args[i+1]
		}
		flags[name] = value
	}
	return flags
}

var errNoMount = errors.New("it lies in no ConfigMap that is mounted there")

// mounted reads what the agent reads under a path, and says where from.
func (e *explainedObjects) mounted(ctx context.Context, a *runningAgent, path string) (raw []byte, from string, err error) {
	configMap, key, err := a.source(path)
	if err != nil {
		return nil, "", fmt.Errorf("read %s of %s: %w", path, a, err)
	}
	from = fmt.Sprintf("ConfigMap %s/%s", a.namespace, configMap)
	var found corev1.ConfigMap
	if err := e.get(ctx, "configmaps", a.namespace, configMap, &found); err != nil {
		return nil, "", fmt.Errorf("read %s: %w", from, err)
	}
	text, ok := found.Data[key]
	if !ok {
		return nil, "", fmt.Errorf("read %s: it has no %q", from, key)
	}
	return []byte(text), from, nil
}

// source gives the ConfigMap and the key that a path leads to.
func (a *runningAgent) source(path string) (configMap, key string, err error) {
	for _, m := range a.mounts {
		rest, ok := strings.CutPrefix(path, strings.TrimSuffix(m.MountPath, "/")+"/")
		i := slices.IndexFunc(a.volumes, func(v corev1.Volume) bool { return v.Name == m.Name && v.ConfigMap != nil })
		if !ok || i < 0 || m.SubPath != "" {
			continue
		}
		volume := a.volumes[i].ConfigMap
		for _, item := range volume.Items {
			if item.Path == rest {
				return volume.Name, item.Key, nil
			}
		}
		if len(volume.Items) == 0 {
			return volume.Name, rest, nil
		}
	}
	return "", "", errNoMount
}

// setting is what the agent was started with, as far as it can be known from here.
type setting struct {
	policy, root []byte // nil: none
	place        explainedPolicy
}

// setting asks the cluster for what flags of ours have not said. What cannot be found out is unknown, and no error.
func (e *explainedObjects) setting(ctx context.Context, namespace string) (s setting) {
	unknown := func(err error) setting {
		s.place = explainedPolicy{Note: oneLine(err), Unknown: true}
		return s
	}
	if e.cluster == nil {
		return unknown(errors.New("no cluster is reached"))
	}
	a, err := e.agent(ctx, namespace)
	switch {
	case err != nil:
		return unknown(err)
	case a == nil:
		s.place.Note = "the cluster has no Deployment of an agent for namespace " + namespace
		return s
	}
	if path := a.flags["trusted-root"]; path != "" {
		if s.root, _, err = e.mounted(ctx, a, path); err != nil {
			return unknown(err)
		}
	}
	path := a.flags["policy"]
	if path == "" {
		s.place.Note = a.String() + " was started without --policy"
		return s
	}
	if s.policy, s.place.From, err = e.mounted(ctx, a, path); err != nil {
		return unknown(err)
	}
	return s
}
