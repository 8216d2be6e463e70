package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/e2e/forge"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Whatever is wrong with a signature, verify and pull say exactly that, and nothing is unpacked; what is good is good in every place.
func TestSignatures(t *testing.T) {
	t.Parallel()
	f := forge.New(t)
	with, without := registry.For(t, registry.Options{Referrers: true}), registry.For(t, registry.Options{})
	for i, c := range forge.Cells() {
		if c.Excuse() != "" {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			reg := without
			if c.Place == forge.Referrer {
				reg = with
			}
			b := newBench(t, reg, fmt.Sprintf("cells/%d", i))
			b.use(f.Make(t, c, forge.Repository{Host: reg.Direct, Name: b.repository}, b.digest))
			b.verify()
			b.pull()
		})
	}
}

// bench is a folder to work in, with an artifact of its own.
type bench struct {
	t          *testing.T
	dir        string
	repository string
	digest     digest.Digest
	tag        string // a reference
	reference  string // the same by digest
	trust      []string
	made       forge.Case
}

func newBench(t *testing.T, reg *registry.Registry, repository string) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), repository: repository, tag: reg.Host + "/" + repository + ":v1"}
	b.write("home/.keep", nil)
	b.write("deploy/app.yaml", []byte("kind: Deployment\n"))
	out, errors, code := b.run("push", b.tag, "-f", "deploy")
	if code != 0 {
		t.Fatal(errors)
	}
	b.reference = strings.TrimSpace(out)
	_, text, _ := strings.Cut(b.reference, "@")
	b.digest = digest.Digest(text)
	return b
}

func (b *bench) write(name string, content []byte) {
	b.t.Helper()
	if err := writeFile(filepath.Join(b.dir, name), content); err != nil {
		b.t.Fatal(err)
	}
}

// run runs the plugin and gives what it printed and how it ended.
func (b *bench) run(args ...string) (stdout, stderr string, code int) {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), "kubectl-oci", args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, &out, &errs
	cmd.Env = append(os.Environ(), "HOME="+filepath.Join(b.dir, "home"))
	err := cmd.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), ended.ExitCode()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return out.String(), errs.String(), 0
}

// use makes flags of whom to trust.
func (b *bench) use(made forge.Case) {
	b.t.Helper()
	b.made = made
	for name, key := range made.Trust.Keys {
		b.write(name, key)
		b.trust = append(b.trust, "--key", name)
	}
	for _, who := range made.Trust.Identities {
		b.trust = append(b.trust, "--certificate-identity", who.Subject, "--certificate-oidc-issuer", who.Issuer)
	}
	if made.Trust.Root != nil {
		b.write("trusted_root.json", made.Trust.Root)
		b.trust = append(b.trust, "--trusted-root", "trusted_root.json")
	}
	if n := made.Trust.Notary; n != nil {
		b.write("trustpolicy.json", n.Policy)
		b.trust = append(b.trust, "--trust-policy", "trustpolicy.json")
		for name, certificate := range n.Certificates {
			b.write(name, certificate)
			b.trust = append(b.trust, "--certificate", name)
		}
	}
}

// message is what both commands have to say; empty where the signature is good.
func (b *bench) message() string {
	if b.made.Reason == "" {
		return ""
	}
	return fmt.Sprintf("verify %q: %s", b.reference, b.made.Message)
}

// ended checks the exit code and the error.
func (b *bench) ended(command string, code int, stderr string) {
	b.t.Helper()
	want := 0
	if b.made.Reason != "" {
		want = 1
	}
	if code != want || strings.Contains(stderr, "error: ") != (want == 1) {
		b.t.Errorf("%s ended with %d:\n%s", command, code, stderr)
	}
	if want == 1 && !strings.Contains("\n"+stderr, "\nerror: "+b.message()+"\n") {
		b.t.Errorf("%s says\n%swant\nerror: %s", command, stderr, b.message())
	}
}

// judged is what verify says in JSON, as far as every verdict has it.
type judged struct {
	Reference, Reason, Message string
	Verified                   bool
}

func (b *bench) verify() {
	b.t.Helper()
	out, stderr, code := b.run(append([]string{"verify", b.tag, "-o", "json"}, b.trust...)...)
	b.ended("verify", code, stderr)
	var got judged
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		b.t.Fatalf("%v in %s", err, out)
	}
	want := judged{Reference: b.reference, Reason: b.made.Reason, Message: b.message(), Verified: b.made.Reason == ""}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("verify -o json (-want +got):\n%s", diff)
	}
}

func (b *bench) pull() {
	b.t.Helper()
	before := b.names()
	out, stderr, code := b.run(append([]string{"pull", b.tag, "--verify", "--to", "pulled"}, b.trust...)...)
	b.ended("pull", code, stderr)
	if b.made.Reason != "" {
		if diff := cmp.Diff(before, b.names()); diff != "" || out != "" {
			b.t.Errorf("pull has written %q, and files (-before +after):\n%s", out, diff)
		}
		return
	}
	raw, err := os.ReadFile(filepath.Join(b.dir, "pulled", "app.yaml"))
	if err != nil || string(raw) != "kind: Deployment\n" || strings.TrimSpace(out) != b.reference {
		b.t.Errorf("pulled %q, %v; printed %s", raw, err, out)
	}
}

// names are all files and folders of the bench.
func (b *bench) names() []string {
	b.t.Helper()
	var all []string
	err := filepath.Walk(b.dir, func(path string, _ os.FileInfo, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}
