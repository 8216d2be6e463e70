package agent_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// A key pair that is made in the cluster has what cosign keeps there, signs and verifies from there, and is never overwritten.
func TestKeyPairInTheCluster(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	place := "k8s://" + r.namespace + "/signing"
	if out, err := pluginInCluster(t, "keygen", "--to", place); err != nil || !strings.HasSuffix(out, place+"\n") {
		t.Fatalf("keygen: %v\n%s", err, out)
	}
	made := readSecret(t, r, "signing")
	var parts []string
	for _, part := range []string{"cosign.key", "cosign.password", "cosign.pub"} {
		if len(made.Data[part]) > 0 {
			parts = append(parts, part)
		}
	}
	if diff := cmp.Diff([]string{"cosign.key", "cosign.password", "cosign.pub"}, parts); diff != "" || len(made.Data) != 3 {
		t.Errorf("parts of the Secret (-want +got):\n%s", diff)
	}
	if made.Immutable == nil || !*made.Immutable || string(made.Data["cosign.password"]) != keygenPassword {
		t.Errorf("the Secret is %v, with password %q", made.Immutable, made.Data["cosign.password"])
	}

	reg := registry.For(t, registry.Options{})
	artifact := strings.TrimSpace(plugin(t, "push", reg.Host+"/org/app-config:v1.0.0", "-f", "examples/app-config"))
	for _, command := range []string{"sign", "verify"} {
		if out, err := pluginInCluster(t, command, artifact, "--key", place); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}

	out, err := pluginInCluster(t, "keygen", "--to", place)
	if err == nil || !strings.Contains(out, `error: write "`+place+`": it exists, and a key that is overwritten is lost`) {
		t.Errorf("a second time: %v\n%s", err, out)
	}
	if diff := cmp.Diff(made, readSecret(t, r, "signing")); diff != "" {
		t.Errorf("the Secret was changed (-before +after):\n%s", diff)
	}
	out, err = pluginInCluster(t, "keygen", "--to", "k8s://no-such-namespace/signing")
	if err == nil || !strings.Contains(out, `kubectl: (NotFound)`) || strings.Contains(out, keygenPassword) {
		t.Errorf("in no namespace: %v\n%s", err, out)
	}
}

const keygenPassword = "correct horse battery staple"

func readSecret(t *testing.T, r *room, name string) *corev1.Secret {
	t.Helper()
	var secret corev1.Secret
	if err := control.admin.Get(t.Context(), types.NamespacedName{Namespace: r.namespace, Name: name}, &secret); err != nil {
		t.Fatal(err)
	}
	return &secret
}

// pluginInCluster runs kubectl-oci where kubectl is on the PATH and reaches the cluster, and gives all that it prints.
func pluginInCluster(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(soon(t), binaries.Plugin, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+bed.Kubeconfig, "COSIGN_PASSWORD="+keygenPassword,
		"PATH="+filepath.Dir(bed.Kubectl)+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}
