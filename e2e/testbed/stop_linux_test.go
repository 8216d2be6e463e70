package testbed_test

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
	"github.com/kubectl-oci/kubectl-oci/e2e/witness"
)

// A second testbed shares nothing with the first, and takes all that is its own with it.
func TestSideBySideAndStop(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "it's a run")
	tb := start(t, testbed.Options{Dir: dir, Registry: registry.Options{
		TLS: true, Auth: registry.Token, Users: []registry.User{{Name: "alice", Password: "it's secret"}},
	}})
	name := "of-" + tb.Cluster.URL[len("https://127.0.0.1:"):]
	for _, bed := range []*testbed.Testbed{shared, tb} {
		configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := kube(t, bed).CoreV1().ConfigMaps("default").Create(t.Context(), configMap, metav1.CreateOptions{}); err != nil {
			t.Error(err)
		}
	}
	checkEnv(t, tb)
	programs := witness.Naming(t, dir)
	if len(programs) != 3 {
		t.Errorf("%d programs mention the run folder, want 3", len(programs))
	}
	tb.Stop()
	<-tb.Done()
	if err := tb.Err(); err != nil {
		t.Errorf("stopping is no error, got %v", err)
	}
	for _, p := range programs {
		if !p.Ended(t) {
			t.Errorf("%s runs still", p.Name)
		}
	}
	for _, address := range []string{hostOf(t, tb.Cluster.URL), tb.Registry.Host, tb.Registry.Direct, hostOf(t, tb.Registry.Admin)} {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s still accepts connections", address)
		}
	}
	if diff := cmp.Diff([]string{"log"}, list(t, dir)); diff != "" {
		t.Errorf("run folder (-want +got):\n%s", diff)
	}
	if _, err := kube(t, shared).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("the other testbed: %v", err)
	}
}

// When a part dies the testbed says which, and nothing of it runs on.
func TestPartDies(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	tb := start(t, testbed.Options{Dir: dir})
	programs := witness.Naming(t, dir)
	for _, p := range programs {
		if p.Name == "etcd" {
			p.Kill(t)
		}
	}
	<-tb.Done()
	if err := tb.Err(); err == nil || !strings.Contains(err.Error(), "etcd ended (signal: killed)") {
		t.Errorf("got %v", err)
	}
	for _, p := range programs {
		if !p.Ended(t) {
			t.Errorf("%s runs still", p.Name)
		}
	}
}

// checkEnv reads the env file with a shell.
func checkEnv(t *testing.T, tb *testbed.Testbed) {
	t.Helper()
	shell := exec.Command("/bin/sh", "-c", `. "$0"; printf '%s\n' "$KUBECONFIG" "$REGISTRY" "$REGISTRY_URL" "$REGISTRY_DIRECT" "$PROXY" "$REGISTRY_USER:$REGISTRY_PASSWORD"
		test -f "$REGISTRY_CA" && test -f "$DOCKER_CONFIG/config.json" && test -d "$TESTBED" && echo files`, tb.Env)
	out, err := shell.CombinedOutput()
	want := strings.Join([]string{
		tb.Kubeconfig, tb.Registry.Host, "https://" + tb.Registry.Host, tb.Registry.Direct, tb.Registry.Admin, "alice:it's secret", "files", "",
	}, "\n")
	if diff := cmp.Diff(want, string(out)); diff != "" || err != nil {
		t.Errorf("env file: %v (-want +got):\n%s", err, diff)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func hostOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
