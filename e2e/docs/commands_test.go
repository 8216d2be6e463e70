package docs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/manual"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// runElsewhere are examples that need what is not here, with the file of a test that has it, and what that runs.
var runElsewhere = map[string]struct{ file, text string }{
	"kubectl oci keygen --to hashivault://payments": {"cli/testdata/key_services.txtar", "exec kubectl-oci keygen --to hashivault://payments"},
	"kubectl oci sign docker.io/org/app-config:v1.0.0 --identity-token env://ID_TOKEN": {
		"cli/testdata/identities.txtar", "exec kubectl-oci sign $REGISTRY/org/app:v1 --yes --identity-token env://ALICE"},
	"kubectl oci verify docker.io/org/app-config:v1.0.0 \\\n  --certificate-identity https://github.com/org/app/.github/workflows/release.yml@refs/heads/main \\\n" +
		"  --certificate-oidc-issuer https://token.actions.githubusercontent.com": {"cli/testdata/keyless.txtar", "--certificate-identity "},
	"kubectl oci verify docker.io/org/app-config:v1.0.0 --trust-policy trustpolicy.json --certificate acme.crt": {
		"cli/testdata/notation.txtar", "exec kubectl-oci verify $REGISTRY/org/app:unsigned --trust-policy trustpolicy.json --certificate acme.crt"},
	"echo \"$TOKEN\" | kubectl oci login ghcr.io -u org --password-stdin": {"cli/testdata/login.txtar", "exec kubectl-oci login $REGISTRY -u alice --password-stdin"},
	"kubectl oci push docker.io/org/app-config:v1.0.0 -f ./deploy --wait-for kustomization/app-config -n apps": {
		"flux/wait_test.go", `r.pushAndWait(tag, []string{"a.yaml", r.settings("a", tag)}, "--wait-for", "kustomization/app")`},
	"kubectl oci install": {"install/upgrade_test.go", `c.oci("install --timeout 2m")`},
	"kubectl oci install --image registry.example.com/kubectl-oci/agent:dev --policy policy.yaml": {
		"install/upgrade_test.go", `"install --timeout 2m --policy " + writePolicy(t) + " --image registry.example.com/agent:v2"`},
	"kubectl oci install --image registry.example.com/kubectl-oci/agent:dev --dry-run=server": {"install/upgrade_test.go", `--dry-run=server`},
	"kubectl oci uninstall --yes":            {"install/upgrade_test.go", `c.oci("uninstall --yes")`},
	"kubectl oci uninstall --dry-run=server": {"install/upgrade_test.go", `c.oci("uninstall --dry-run=server")`},
	"kubectl oci login registry.example.com": {"cli/terminal_test.go", `"kubectl-oci", "login"`},
}

// Every command has examples in its help, and every example works as it stands: the pages of docs/cli/ have them all. What a page's examples
// start from is made by testdata/NAME.sh, where there is one, in a workplace and with a registry of the page's own.
func TestExamplesOfTheHelp(t *testing.T) { //nolint:paralleltest // its objects have names that other pages use, too
	pages, err := filepath.Glob(filepath.Join(here.root, "docs", "cli", "*.md"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	agent, err := product.StartAgentAsService(t.Context(), filepath.Join(here.bin, "kubectl"), product.AgentOptions{
		Path: here.agent, Kubeconfig: here.kubeconfig, Dir: t.TempDir(), Args: []string{"--min-retry-delay=100ms", "--max-retry-delay=500ms"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		agent.Stop()
		made := []string{"flux-system", "payments", "apps", "oci-system"} // which other pages make, too
		if err := here.kubectl("", append([]string{"delete", "namespace", "--ignore-not-found"}, made...)...); err != nil {
			t.Error(err)
		}
	}()
	unseen := map[string]bool{}
	for line := range runElsewhere {
		unseen[line] = true
	}
	for _, path := range pages {
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		if name == "README" {
			continue
		}
		t.Run(name, func(t *testing.T) { runExamples(t, name, path, unseen) })
	}
	for line := range unseen {
		t.Errorf("no page says %q any more", line)
	}
}

func runExamples(t *testing.T, name, path string, unseen map[string]bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks := manual.Blocks(string(text))
	if len(blocks) == 0 || !strings.Contains(blocks[0].Text, "kubectl oci "+name) {
		t.Fatalf("the help of %s has no example", name)
	}
	script := blocks[0].Text
	for line, other := range runElsewhere {
		if !strings.Contains("\n"+script, "\n"+line+"\n") {
			continue
		}
		delete(unseen, line)
		script = strings.ReplaceAll(script, line+"\n", "")
		if text, err := os.ReadFile(filepath.Join("..", other.file)); err != nil || !strings.Contains(string(text), other.text) {
			t.Errorf("%s does not run %q, in place of %q (%v)", other.file, other.text, line, err)
		}
	}
	if !regexp.MustCompile(`(?m)^[^#\n]`).MatchString(script) {
		return
	}
	dir, reg := workplace(t), registry.For(t, registry.Options{})
	r := reader(dir)
	r.Names = strings.NewReplacer("docker.io/", reg.Host+"/", "registry.example.com", reg.Host, "ghcr.io", reg.Host, "/tmp/", dir+"/new-", madeUp, "$DIGEST")
	r.Run(t, prepared(t, name)+script)
}

// madeUp is the digest in examples.
const madeUp = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

// prepared gives what comes before a page's examples.
func prepared(t *testing.T, name string) string {
	before, err := os.ReadFile(filepath.Join("testdata", "before.sh"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(filepath.Join("testdata", name+".sh"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(before) + string(own)
}
