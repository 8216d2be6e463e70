package controller

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
)

// secrets are what there is in the object's namespace, by name.
type secrets map[string]*corev1.Secret

func (s secrets) Get(_ context.Context, name client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	found, ok := s[name.Name]
	if secret, is := into.(*corev1.Secret); is && ok && name.Namespace == key.Namespace {
		found.DeepCopyInto(secret)
		return nil
	}
	return apierrors.NewNotFound(schema.GroupResource{}, name.Name)
}

func (secrets) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// withKey is a namespace whose Secret keys holds a public key.
func withKey(public string) secrets {
	return secrets{"keys": {
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "keys"},
		Data:       map[string][]byte{"cosign.pub": []byte(public)},
	}}
}

func ref(name string) *v1.LocalObjectReference { return &v1.LocalObjectReference{Name: name} }

func mustParse(t *testing.T, raw string) *attempt.Rules {
	t.Helper()
	p, err := policy.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := attempt.NewRules(p)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}
