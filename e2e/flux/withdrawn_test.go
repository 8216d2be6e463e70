package flux_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// key is a key pair as the plugin makes it: files beside each other.
type key string

func newKey(t *testing.T) key {
	t.Helper()
	k := key(filepath.Join(t.TempDir(), "key"))
	k.plugin(t, "keygen", "--to", string(k))
	return k
}

// plugin runs kubectl-oci with the key's password.
func (key) plugin(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(soon(t), binaries.Plugin, args...)
	cmd.Env = append(os.Environ(), "COSIGN_PASSWORD=correct-horse")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl oci %s: %v\n%s", args[0], err, out)
	}
}

func (k key) sign(r *room, digest string) {
	r.t.Helper()
	k.plugin(r.t, "sign", r.repository+"@"+digest, "--key", string(k)+".key")
}

// trust has the Secret name this key and no other.
func (r *room) trust(k key) {
	r.t.Helper()
	public, err := os.ReadFile(string(k) + ".pub")
	if err != nil {
		r.t.Fatal(err)
	}
	r.patch(&corev1.Secret{}, "keys", fmt.Sprintf(`{"stringData":{"cosign.pub":%q}}`, public))
}

// What the agent withdraws is applied no further, and nothing that was applied goes: kustomize-controller waits for an artifact, with its
// inventory as it is, and goes on when there is one that counts.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	me, you := newKey(t), newKey(t)
	r.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys"}})
	r.trust(me)
	digest := r.push("main", "a.yaml", r.settings("a", "1"), "b.yaml", r.settings("b", "1"))
	me.sign(r, digest)
	r.source("app", v1.OCIRepositoryRef{Tag: "main"}, func(o *v1.OCIRepository) {
		o.Spec.Verify = &v1.Verification{Provider: v1.VerifyCosign, SecretRef: &v1.LocalObjectReference{Name: "keys"}}
	})
	r.kustomization("app")
	r.untilApplied("app", "main@"+digest)
	kept := r.untilSettings("b", "1")

	r.trust(you)
	if o := r.poll("app"); o.Status.Artifact != nil {
		t.Fatal("still advertised")
	}
	token := r.ask(&kustomizev1.Kustomization{}, "app")
	k := until(r.record, "app", "waits for an artifact", func(k *kustomizev1.Kustomization) bool {
		return k.Status.LastHandledReconcileAt == token && meta.IsStatusConditionFalse(k.Status.Conditions, "Ready")
	})
	if k.Status.LastAppliedRevision != "main@"+digest || k.Status.Inventory == nil || len(k.Status.Inventory.Entries) != 2 {
		t.Errorf("applied is %s, with %v", k.Status.LastAppliedRevision, k.Status.Inventory)
	}
	if now := r.untilSettings("b", "1"); now.UID != kept.UID {
		t.Error("what was applied has been made anew")
	}

	next := r.push("main", "a.yaml", r.settings("a", "2"), "b.yaml", r.settings("b", "1"))
	r.poll("app")
	you.sign(r, next)
	r.ask(&v1.OCIRepository{}, "app")
	r.untilApplied("app", "main@"+next)
	r.untilSettings("a", "2")
	if now := r.untilSettings("b", "1"); now.UID != kept.UID {
		t.Error("what was applied has been made anew")
	}
}
