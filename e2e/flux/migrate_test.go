package flux_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
)

// What migrate prints of a cluster moves a Kustomization from git to the registry, whose artifact the commands fill that it prints; it
// changes nothing itself.
func TestMigrateFromCluster(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	origin := r.checkout("app", r.settings("migrated", "yes"))
	git := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"interval": "1h", "url": origin, "ref": map[string]any{"branch": "main"},
	}}}
	git.SetGroupVersionKind(schema.GroupVersionKind{Group: fluxcd.SourcesGroup, Version: "v1", Kind: "GitRepository"})
	git.SetName("app")
	r.create(git)
	r.create(&kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: kustomizev1.KustomizationSpec{
		Interval: metav1.Duration{Duration: time.Hour}, RetryInterval: &metav1.Duration{Duration: time.Second}, Prune: true, Path: "./deploy",
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "app"},
	}})

	migrate := []string{"migrate", "gitrepository/app", r.repository, "--from-cluster", "--kubeconfig", r.cluster.plane.Kubeconfig, "-n", r.namespace}
	objects, advice := r.plugin(append(migrate, "-o", "objects")...)
	if _, err := r.cluster.kubectl(soon(t), "", "get", "gitrepository", "-n", r.namespace, "app"); err != nil {
		t.Error(err)
	}
	if _, err := r.cluster.kubectl(soon(t), "", "get", "ocirepository", "-n", r.namespace, "app"); err == nil {
		t.Error("migrate has made an object")
	}
	for line := range strings.Lines(advice) {
		if push, ok := strings.CutPrefix(strings.TrimSpace(line), "kubectl oci "); ok {
			r.shell(filepath.Dir(strings.TrimPrefix(origin, "file://")), binaries.Plugin+" "+push)
		}
	}
	if _, err := r.cluster.kubectl(soon(t), objects, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.cluster.kubectl(soon(t), "", "delete", "gitrepository", "-n", r.namespace, "app"); err != nil {
		t.Fatal(err)
	}
	r.untilSettings("migrated", "yes")
}

// checkout makes a folder of that name, in which git holds deploy/a.yaml, and gives its address.
func (r *room) checkout(name, file string) string {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), name)
	if err := os.MkdirAll(filepath.Join(dir, "deploy"), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "deploy", "a.yaml"), []byte(file), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.shell(dir, "git init -q -b main && git add . && git -c user.name=Alice -c user.email=alice@example.com commit -qm one")
	return "file://" + dir
}

func (r *room) shell(dir, script string) {
	r.t.Helper()
	cmd := exec.CommandContext(soon(r.t), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// plugin runs the plugin, which is to succeed.
func (r *room) plugin(args ...string) (stdout, stderr string) {
	r.t.Helper()
	var out, errOut strings.Builder
	cmd := exec.CommandContext(soon(r.t), binaries.Plugin, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("kubectl oci %s: %v\n%s", strings.Join(args, " "), err, &errOut)
	}
	return out.String(), errOut.String()
}
