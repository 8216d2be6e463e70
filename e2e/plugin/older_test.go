package plugin_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// A cluster with an older definition, or none, is no reason to ask for discovery: the commands find the version that it serves, and say so
// where it serves none.
func TestOlderCluster(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	older, err := testbed.Start(ctx, testbed.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer older.Stop()
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, bin+"/kubectl-oci", args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+older.Kubeconfig)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	out, err := run("get")
	if err == nil || !strings.Contains(out, "error: list OCIRepositories: the cluster knows no OCIRepository\nhint: install the agent") {
		t.Errorf("without a definition: %v\n%s", err, out)
	}

	if err := define(ctx, older.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	patch := `[{"op":"test","path":"/spec/versions/0/name","value":"v1"},{"op":"replace","path":"/spec/versions/0/served","value":false}]`
	if _, err := kubectl(ctx, older.Kubeconfig, "", "patch", "crd/ocirepositories.source.toolkit.fluxcd.io", "--type=json", "-p", patch); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ line, want string }{
		{"create app --url oci://docker.io/org/app --apply", "ocirepository/app applied"},
		{"get", "app    <none>"},
		{"get app -o yaml", "apiVersion: source.toolkit.fluxcd.io/v1beta2"},
		{"suspend app", "ocirepository/app suspended"},
		{"get app", "suspended"},
		{"export app", "url: oci://docker.io/org/app"},
	} {
		out, err := run(strings.Fields(step.line)...)
		if err != nil || !strings.Contains(out, step.want) {
			t.Errorf("%s: %v, want %q in\n%s", step.line, err, step.want, out)
		}
	}
}
