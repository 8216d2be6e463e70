package main

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What the manifests call things.
const (
	agentName   = "agent" // of the Deployment
	agentLease  = "oci-agent"
	partOfLabel = "app.kubernetes.io/part-of"
	partOf      = "kubectl-oci"
	agentPods   = "app.kubernetes.io/name=agent," + partOfLabel + "=" + partOf
)

// installation is all objects of one agent.
type installation []*unstructured.Unstructured

// find gives the object of a kind whose name begins so; nil where there is none.
func (all installation) find(kind, prefix string) *unstructured.Unstructured {
	i := slices.IndexFunc(all, func(u *unstructured.Unstructured) bool {
		return u.GetKind() == kind && strings.HasPrefix(u.GetName(), prefix)
	})
	if i < 0 {
		return nil
	}
	return all[i]
}

func (all installation) deployment() *unstructured.Unstructured {
	return all.find("Deployment", agentName)
}

// namespace is where the agent runs.
func (all installation) namespace() string { return all.deployment().GetNamespace() }

// relocate has the agent run in another namespace.
func (all installation) relocate(namespace string) {
	from := all.namespace()
	for _, u := range all {
		switch {
		case u.GetNamespace() == from:
			u.SetNamespace(namespace)
		case u.GetKind() == "Namespace" && u.GetName() == from:
			u.SetName(namespace)
		}
		subjects, _, _ := unstructured.NestedSlice(u.Object, "subjects")
		for _, s := range subjects {
			if subject, ok := s.(map[string]any); ok && subject["namespace"] == from {
				subject["namespace"] = namespace
			}
		}
		if len(subjects) > 0 {
			u.Object["subjects"] = subjects
		}
	}
}

// container is the agent's, which may be changed in place.
func (all installation) container() map[string]any {
	pod := all.podSpec()
	return pod["containers"].([]any)[0].(map[string]any)
}

func (all installation) podSpec() map[string]any {
	spec := all.deployment().Object["spec"].(map[string]any)
	return spec["template"].(map[string]any)["spec"].(map[string]any)
}

func (all installation) setImage(image string) { all.container()["image"] = image }

func (all installation) setReplicas(n int) {
	all.deployment().Object["spec"].(map[string]any)["replicas"] = int64(n)
}

// mounted is a file that the agent reads from a ConfigMap.
type mounted struct {
	name, file string // of the ConfigMap and in it
	folder     string
	flag       string
	atStart    bool // alone: another file takes another name, so that the Deployment rolls
}

func policyMount() mounted {
	return mounted{name: "policy", file: "policy.yaml", folder: "/etc/oci-agent", flag: "--policy"}
}

func rootMount() mounted {
	return mounted{name: "trusted-root", file: "trusted_root.json", folder: "/etc/oci-trust", flag: "--trusted-root", atStart: true}
}

// mount gives the agent the file, in place of the one that it may have.
func (all installation) mount(m mounted, content []byte) installation {
	name := m.name
	if m.atStart {
		sum := sha256.Sum256(content)
		name += "-" + hex.EncodeToString(sum[:5])
	}
	if u := all.find("ConfigMap", m.name); u != nil {
		u.Object["data"] = map[string]any{m.file: string(content)}
		u.SetName(name)
		all.rename(m.name, name)
		return all
	}
	container, pod := all.container(), all.podSpec()
	container["args"] = append(container["args"].([]any), m.flag+"="+m.folder+"/"+m.file)
	container["volumeMounts"] = append(container["volumeMounts"].([]any), map[string]any{"name": m.name, "mountPath": m.folder, "readOnly": true})
	pod["volumes"] = append(pod["volumes"].([]any), map[string]any{"name": m.name, "configMap": map[string]any{"name": name}})
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{m.file: string(content)}}}
	u.SetName(name)
	u.SetNamespace(all.namespace())
	u.SetLabels(map[string]string{partOfLabel: partOf})
	i := slices.Index(all, all.deployment())
	return slices.Insert(all, i, u)
}

// rename has a volume read another ConfigMap.
func (all installation) rename(volume, configMap string) {
	for _, v := range all.podSpec()["volumes"].([]any) {
		if v := v.(map[string]any); v["name"] == volume {
			v["configMap"] = map[string]any{"name": configMap}
		}
	}
}

// defines tells whether an object is of a kind that others share: nobody else's is changed, and none is removed.
func defines(u *unstructured.Unstructured) bool { return u.GetKind() == "CustomResourceDefinition" }

// isOurs tells by its label whether an object was made for the agent.
func isOurs(u *unstructured.Unstructured) bool { return u.GetLabels()[partOfLabel] == partOf }
