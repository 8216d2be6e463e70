package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// applier is what of a Kustomization matters to who waits for it.
type applier struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Suspend   bool                                   `json:"suspend"`
		SourceRef struct{ Kind, Name, Namespace string } `json:"sourceRef"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration    int64              `json:"observedGeneration"`
		LastAppliedRevision   string             `json:"lastAppliedRevision"`
		LastAttemptedRevision string             `json:"lastAttemptedRevision"`
		Conditions            []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

func readApplier(u *unstructured.Unstructured) (*applier, error) {
	raw, err := u.MarshalJSON()
	if err != nil {
		return nil, err
	}
	k := &applier{}
	if err := json.Unmarshal(raw, k); err != nil {
		return nil, fmt.Errorf("read Kustomization %q: %w", u.GetName(), err)
	}
	return k, nil
}

func (k *applier) sourceNamespace() string {
	if k.Spec.SourceRef.Namespace != "" {
		return k.Spec.SourceRef.Namespace
	}
	return k.Namespace
}

// usable refuses a Kustomization that applies nothing, or nothing of a registry.
func (k *applier) usable() error {
	from := k.Spec.SourceRef
	switch {
	case from.Kind != v1.KindOCIRepository:
		return fmt.Errorf("it applies %s %q, and no OCIRepository", from.Kind, from.Name)
	case k.Spec.Suspend:
		return errors.New("it is suspended: spec.suspend is true")
	}
	return nil
}

func (k *applier) applied(d digest.Digest) bool {
	return names(k.Status.LastAppliedRevision, d) && k.Status.ObservedGeneration == k.Generation &&
		meta.IsStatusConditionTrue(k.Status.Conditions, v1.ConditionReady)
}

// failed gives why kustomize-controller cannot apply the digest; nil: it may. What it fails on before it begins to build is in the
// condition about its work alone.
func (k *applier) failed(d digest.Digest) *metav1.Condition {
	ready := meta.FindStatusCondition(k.Status.Conditions, v1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionFalse || ready.ObservedGeneration != k.Generation {
		return nil
	}
	work := meta.FindStatusCondition(k.Status.Conditions, v1.ConditionReconciling)
	tried := names(k.Status.LastAttemptedRevision, d) || work != nil && strings.Contains(work.Message, d.String())
	if !tried || passing(ready) {
		return nil
	}
	return ready
}

// passing tells of troubles that kustomize-controller waits for to end: they are not the artifact's.
func passing(c *metav1.Condition) bool {
	switch c.Reason {
	case "DependencyNotReady", "HealthCheckCanceled":
		return true
	case "ArtifactFailed":
		return strings.HasPrefix(c.Message, "Source is not ready")
	}
	return false
}
