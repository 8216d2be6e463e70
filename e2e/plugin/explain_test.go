package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// told is what the agent's status, or an explanation, says.
type told struct{ Ready, Reason, Message, Revision string }

// What explain finds is what the agent says of the same object, word for word.
func TestExplainAgreesWithTheAgent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	w := newExplained(ctx, t)
	const pull = "secretRef: {name: pull}, "
	for name, tc := range map[string]struct{ spec, annotations string }{
		"tag":       {spec: `ref: {tag: v1.0.0}, ` + pull},
		"glob":      {spec: `ref: {tag: v1.0.0}, secretRef: {name: glob}, `},
		"second":    {spec: `ref: {tag: v1.0.0}, secretRef: {name: wrong}, serviceAccountName: puller, `},
		"no-match":  {spec: `ref: {tag: v1.0.0}, secretRef: {name: elsewhere}, `},
		"refused":   {spec: `ref: {tag: v1.0.0}, secretRef: {name: wrong}, `},
		"no-secret": {spec: `ref: {tag: v1.0.0}, secretRef: {name: nowhere}, `},
		"range":     {spec: `ref: {semver: ">=1.0.0 <2.0.0", semverFilter: "^v"}, ` + pull},
		"no-range":  {spec: `ref: {semver: ">=3.0.0"}, ` + pull},
		"no-tag":    {spec: `ref: {tag: v9.9.9}, ` + pull},
		"empty-ref": {spec: pull},
		"digest":    {spec: `ref: {digest: sha256:` + strings.Repeat("0", 64) + `}, ` + pull},
		"unsigned":  {spec: `ref: {tag: v1.0.0}, verify: {provider: cosign, secretRef: {name: mine}}, ` + pull},
		"wrong-key": {spec: `ref: {tag: v1.1.0}, verify: {provider: cosign, secretRef: {name: theirs}}, ` + pull},
		"signed":    {spec: `ref: {tag: v1.1.0}, verify: {provider: cosign, secretRef: {name: mine}}, ` + pull},
		"no-layer":  {spec: `ref: {tag: v1.0.0}, layerSelector: {mediaType: application/x}, ` + pull},
		"window":    {spec: `ref: {tag: v1.0.0}, ` + pull, annotations: `kubectl-oci.dev/window: "0 0 1 1 * / 1m"`},
		"no-window": {spec: `ref: {tag: v1.0.0}, ` + pull, annotations: `kubectl-oci.dev/window: "whenever"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "object.yaml")
			text := fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: %s, namespace: %s, annotations: {%s}}\n"+
				"spec: {url: \"oci://%s\", interval: 1h, %s}\n", name, w.namespace, tc.annotations, w.repository, strings.TrimSuffix(tc.spec, ", "))
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			before, _ := w.explain(t, "-f", file)
			if _, err := kubectl(ctx, bed.Kubeconfig, text, "apply", "-f", "-"); err != nil {
				t.Fatal(err)
			}
			said := w.answer(ctx, t, name)
			after, e := w.explain(t, name, "-n", w.namespace)
			for when, found := range map[string]told{"before": before, "after": after} {
				if found != said {
					t.Errorf("%s:\nexplain %+v\nagent   %+v", when, found, said)
				}
			}
			if len(e.Differences) > 0 {
				t.Errorf("explain sees differences: %v", e.Differences)
			}
		})
	}
}

// explained is a namespace with objects to explain, and a registry that asks for a login.
type explained struct{ namespace, repository, policy, password, home string }

func newExplained(ctx context.Context, t *testing.T) *explained {
	t.Helper()
	const password = "correct-horse"
	r := registry.For(t, registry.Options{Auth: registry.Basic, Users: []registry.User{{Name: "alice", Password: password}}})
	w := &explained{namespace: "explained", repository: r.Host + "/org/app", password: password, home: t.TempDir()}
	w.policy = filepath.Join(w.home, "policy.yaml")
	if err := os.WriteFile(w.policy, []byte(product.OnLoopback), 0o600); err != nil {
		t.Fatal(err)
	}
	w.plugin(t, password, "login", r.Host, "-u", "alice", "--password-stdin")
	for _, tag := range []string{"v1.0.0", "v1.1.0", "v1.2.0-rc.1", "v2.0.0", "1.9.0", "stable"} {
		w.plugin(t, "", "push", w.repository+":"+tag, "-f", "policy.yaml", "-a", "tag="+tag)
	}
	w.plugin(t, "", "keygen", "--to", "mine")
	w.plugin(t, "", "keygen", "--to", "theirs")
	w.plugin(t, "", "sign", w.repository+":v1.1.0", "--key", "mine.key")
	w.objects(ctx, t, r.Host)
	return w
}

func (w *explained) objects(ctx context.Context, t *testing.T, host string) {
	t.Helper()
	_, port, _ := strings.Cut(host, ":")
	pullSecret := func(name, host, password string) string {
		return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: kubernetes.io/dockerconfigjson\n"+
			"stringData: {.dockerconfigjson: '{\"auths\":{%q:{\"username\":\"alice\",\"password\":%q}}}'}\n", name, w.namespace, host, password)
	}
	all := fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n", w.namespace) +
		pullSecret("pull", host, w.password) + pullSecret("glob", "127.0.*.1:"+port+"/org", w.password) +
		pullSecret("wrong", host, "wrong") + pullSecret("elsewhere", "quay.io", w.password) +
		fmt.Sprintf("---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: puller, namespace: %s}\nimagePullSecrets: [{name: elsewhere}, {name: pull}]\n", w.namespace)
	for _, who := range []string{"mine", "theirs"} {
		public, err := os.ReadFile(filepath.Join(w.home, who+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\nstringData: {%s.pub: %q}\n", who, w.namespace, who, public)
	}
	if _, err := kubectl(ctx, bed.Kubeconfig, all, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

// plugin runs a command that succeeds.
func (w *explained) plugin(t *testing.T, stdin string, args ...string) {
	t.Helper()
	if out, err := w.command(t, stdin, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

func (w *explained) command(t *testing.T, stdin string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "kubectl-oci"), args...)
	cmd.Dir, cmd.Stdin = w.home, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+bed.Kubeconfig, "HOME="+w.home, "DOCKER_CONFIG="+w.home, "COSIGN_PASSWORD=")
	return cmd
}

// explanation is what of it is compared.
type explanation struct {
	Outcome, Reason, Message, Revision string
	Differences                        []string
}

// explain gives what explain says Ready will be. Its exit code is that of the outcome, and no secret is shown.
func (w *explained) explain(t *testing.T, args ...string) (told, explanation) {
	t.Helper()
	cmd := w.command(t, "", append([]string{"explain", "-o", "json", "--policy", w.policy}, args...)...)
	raw, _ := cmd.Output()
	var e explanation
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, raw)
	}
	ready, code := "True", 0
	switch e.Outcome {
	case "fails":
		ready, code, e.Revision = "False", 1, ""
	case "waits":
		ready, e.Revision = "Unknown", ""
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%v: exit code %d, want %d", args, got, code)
	}
	if strings.Contains(string(raw), w.password) {
		t.Errorf("%v: the password is shown:\n%s", args, raw)
	}
	return told{ready, e.Reason, e.Message, e.Revision}, e
}

// answer waits until the agent has said something.
func (w *explained) answer(ctx context.Context, t *testing.T, name string) told {
	t.Helper()
	kind := "ocirepository/" + name
	if _, err := kubectl(ctx, bed.Kubeconfig, "", "wait", kind, "-n", w.namespace, "--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}", "--timeout=60s"); err != nil {
		t.Fatal(err)
	}
	out, err := kubectl(ctx, bed.Kubeconfig, "", "get", kind, "-n", w.namespace, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Status struct {
			Artifact   struct{ Revision string }
			Conditions []struct{ Type, Status, Reason, Message string }
		}
	}
	if err := json.Unmarshal([]byte(out), &object); err != nil {
		t.Fatal(err)
	}
	for _, c := range object.Status.Conditions {
		if c.Type == "Ready" {
			return told{c.Status, c.Reason, c.Message, object.Status.Artifact.Revision}
		}
	}
	t.Fatalf("%s: there is no Ready:\n%s", name, out)
	return told{}
}
