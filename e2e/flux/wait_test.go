package flux_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
)

// A push that waits ends when kustomize-controller has applied what was pushed, and the cluster runs it then: the first time, again, and
// when there was nothing to push.
func TestPushWaits(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	r.source("app", v1.OCIRepositoryRef{SemVer: ">=1.0.0"})
	r.kustomization("app")
	for i, tag := range []string{"v1.0.0", "v1.1.0", "v1.1.0"} {
		p := r.pushAndWait(tag, []string{"a.yaml", r.settings("a", tag)}, "--wait-for", "kustomization/app")
		if p.code != 0 || !strings.Contains(p.stderr, "kustomization/app has applied it\n") {
			t.Fatalf("push %d: exit code %d\n%s", i, p.code, p.stderr)
		}
		now := r.now("a", &corev1.ConfigMap{}).(*corev1.ConfigMap)
		k := r.now("app", &kustomizev1.Kustomization{}).(*kustomizev1.Kustomization)
		if now.Data["value"] != tag || !applied(k, tag+"@"+p.digest()) {
			t.Errorf("push %d: the cluster has %q of %s, want %s", i, now.Data["value"], k.Status.LastAppliedRevision, p.digest())
		}
	}
}

// What the cluster does not take ends the wait with its reason, and with an exit code of its own; the artifact is pushed nevertheless.
func TestPushIsRejected(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	r.source("app", v1.OCIRepositoryRef{Tag: "main"})
	r.kustomization("app")
	fine := []string{"a.yaml", r.settings("a", "1")}
	for _, test := range []struct {
		name  string
		files []string
		edit  func()
		want  string
	}{
		{name: "the build fails", files: []string{"kustomization.yaml", "resources: [missing.yaml]\n"}, want: "error: wait for kustomization/app: BuildFailed: "},
		{name: "nothing is where it is to be", files: fine, want: "error: wait for kustomization/app: ArtifactFailed: ", edit: func() {
			r.patch(&kustomizev1.Kustomization{}, "app", `{"spec":{"path":"./nowhere"}}`)
		}},
		{name: "nobody signed it", files: fine, want: "error: wait for kustomization/app: ocirepository/app: VerificationError: ", edit: func() {
			r.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys"}})
			r.trust(newKey(t))
			r.patch(&v1.OCIRepository{}, "app", `{"spec":{"verify":{"provider":"cosign","secretRef":{"name":"keys"}}}}`)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.edit != nil {
				test.edit()
			}
			p := r.pushAndWait("main", append(test.files, "name.txt", test.name), "--wait-for", "kustomization/app")
			if p.code != 1 || !strings.Contains(p.stderr, test.want) || p.digest() == "" {
				t.Errorf("exit code %d, want %q in\n%s", p.code, test.want, p.stderr)
			}
		})
	}
}

// Objects that are missing, or lead elsewhere, are refused before anything is sent.
func TestPushWaitsForNothingElse(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.source("stable", v1.OCIRepositoryRef{Tag: "stable"})
	r.source("elsewhere", v1.OCIRepositoryRef{Tag: "main"}, func(o *v1.OCIRepository) { o.Spec.URL += "/else" })
	for _, name := range []string{"stable", "elsewhere", "dangling"} {
		r.kustomization(name)
	}
	r.create(&kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: "git"}, Spec: kustomizev1.KustomizationSpec{
		Interval: metav1.Duration{Duration: time.Hour}, SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "app"},
	}})
	r.kustomization("asleep")
	r.patch(&kustomizev1.Kustomization{}, "asleep", `{"spec":{"suspend":true}}`)
	for name, want := range map[string]string{
		"missing":   "there is none in namespace \"" + r.namespace + "\"\nhint: -n names another namespace\n",
		"stable":    "its source ocirepository/stable follows the tag \"stable\", which never leads to the tag main\n",
		"elsewhere": "its source ocirepository/elsewhere follows " + r.repository + "/else, and not " + r.repository + "\n",
		"git":       "it applies GitRepository \"app\", and no OCIRepository\n",
		"dangling":  "its source: get \"dangling\": ocirepositories.source.toolkit.fluxcd.io \"dangling\" not found in namespace ",
		"asleep":    "it is suspended: spec.suspend is true\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := r.pushAndWait("main", []string{"a.yaml", r.settings("a", "1")}, "--wait-for", "kustomization/"+name)
			if want := "error: wait for kustomization/" + name + ": " + want; p.code != 2 || !strings.HasPrefix(p.stderr, want) || p.stdout != "" {
				t.Errorf("exit code %d, %q, want %q in\n%s", p.code, p.stdout, want, p.stderr)
			}
		})
	}
	if out, err := exec.CommandContext(soon(t), binaries.Plugin, "list", r.repository).CombinedOutput(); err == nil || !strings.Contains(string(out), "404") && !strings.Contains(string(out), "not") {
		t.Errorf("something was sent: %s", out)
	}
}

// A higher version than the pushed one is what the object follows: nobody waits for that to change.
func TestPushOfLowerVersion(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	newest := r.push("v2.0.0", "a.yaml", r.settings("a", "2"))
	r.source("app", v1.OCIRepositoryRef{SemVer: ">=1.0.0"})
	r.kustomization("app")
	r.untilApplied("app", "v2.0.0@"+newest)
	p := r.pushAndWait("v1.0.0", []string{"a.yaml", r.settings("a", "1")}, "--wait-for", "ks/app")
	want := "error: wait for kustomization/app: ocirepository/app has looked, and follows another artifact: v2.0.0@" + newest + "\n"
	if p.code != 2 || !strings.HasSuffix(p.stderr, want) {
		t.Errorf("exit code %d, want %q in\n%s", p.code, want, p.stderr)
	}
}

// A wait ends in time, and says what was seen last; with Ctrl-C it ends at once.
func TestPushWaitEnds(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	r.source("app", v1.OCIRepositoryRef{Tag: "main"})
	r.create(&kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: kustomizev1.KustomizationSpec{
		Interval: metav1.Duration{Duration: time.Hour}, DependsOn: []kustomizev1.DependencyReference{{Name: "never"}},
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: fluxcd.OCIRepository, Name: "app"},
	}})
	files := []string{"a.yaml", r.settings("a", "1")}
	p := r.pushAndWait("main", files, "--wait-for", "kustomization/app", "--wait-timeout", "5s")
	want := "error: wait for kustomization/app: not applied after 5s; last seen: kustomization/app: "
	if p.code != 2 || !strings.Contains(p.stderr, want) || !strings.Contains(p.stderr, "never") {
		t.Errorf("exit code %d, want %q in\n%s", p.code, want, p.stderr)
	}

	cmd := r.pushCommand("main", files, "--wait-for", "kustomization/app")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := &strings.Builder{}
	buffer := make([]byte, 4096)
	for !strings.Contains(seen.String(), "waiting: kustomization/app: ") {
		n, err := stderr.Read(buffer)
		if err != nil {
			t.Fatalf("it ended: %v\n%s", err, seen)
		}
		seen.Write(buffer[:n])
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(stderr)
	_ = cmd.Wait()
	want = "it is pushed, and not waited for any longer\ninterrupted: nothing is left half written\n"
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.HasSuffix(string(rest), want) {
		t.Errorf("exit code %d\n%s%s", code, seen, rest)
	}
}

// Who may only read the objects waits for the poll, and is told so.
func TestPushWaitsForPoll(t *testing.T) {
	t.Parallel()
	r := newRoom(t, whole)
	r.startAgent()
	r.source("app", v1.OCIRepositoryRef{Tag: "main"}, func(o *v1.OCIRepository) { o.Spec.Interval.Duration = time.Second })
	r.kustomization("app")
	r.create(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1.Group, fluxcd.KustomizeGroup}, Resources: []string{"ocirepositories", "kustomizations"}, Verbs: []string{"get", "list", "watch"}},
	}})
	r.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "pipeline"}},
	})
	p := r.pushAndWait("main", []string{"a.yaml", r.settings("a", "1")}, "--wait-for", "kustomization/app", "--as", "pipeline")
	if p.code != 0 || !strings.Contains(p.stderr, "\nocirepository/app may not be asked to look at once: it does every 1s\n") {
		t.Errorf("exit code %d\n%s", p.code, p.stderr)
	}
	r.untilSettings("a", "1")
}

// waited is what came of a push that waits.
type waited struct {
	code           int
	stdout, stderr string
}

func (w waited) digest() string {
	_, digest, _ := strings.Cut(strings.TrimSpace(w.stdout), "@")
	return digest
}

func (r *room) pushAndWait(tag string, files []string, args ...string) waited {
	r.t.Helper()
	cmd := r.pushCommand(tag, files, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return waited{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// pushCommand pushes these files, names and contents, as cluster-admin.
func (r *room) pushCommand(tag string, files []string, args ...string) *exec.Cmd {
	r.t.Helper()
	dir := r.t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(soon(r.t), binaries.Plugin, append([]string{"push", r.repository + ":" + tag, "-f", dir, "-n", r.namespace}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+r.cluster.plane.Kubeconfig)
	return cmd
}

// now is an object as it is.
func (r *room) now(name string, into client.Object) client.Object {
	r.t.Helper()
	if err := r.cluster.admin.Get(soon(r.t), client.ObjectKey{Namespace: r.namespace, Name: name}, into); err != nil {
		r.t.Fatal(err)
	}
	return into
}
