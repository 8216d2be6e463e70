package flux_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// requestedAt is the annotation by which users ask for a reconcile of any of Flux's objects.
const requestedAt = "reconcile.fluxcd.io/requestedAt"

// room is what a test has to itself: a namespace of a cluster, a place in the registry, and a record of what happens.
type room struct {
	*record
	cluster    *cluster
	namespace  string
	repository string // host/path
}

func newRoom(t *testing.T, c *cluster) *room {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "room-"}}
	if err := c.admin.Create(soon(t), namespace); err != nil {
		t.Fatal(err)
	}
	return enterRoom(t, c, namespace.Name)
}

// enterRoom makes a room of a namespace that is there.
func enterRoom(t *testing.T, c *cluster, namespace string) *room {
	t.Helper()
	r := &room{record: newRecord(t, c, namespace), cluster: c, namespace: namespace, repository: bed.Registry.Host + "/" + namespace + "/app"}
	t.Cleanup(r.clear)
	return r
}

// clear removes what would go on without the test. Kustomizations go first: kustomize-controller needs no source to prune.
func (r *room) clear() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience)
	defer cancel()
	for _, kind := range []client.Object{&kustomizev1.Kustomization{}, &v1.OCIRepository{}} {
		if err := r.cluster.admin.DeleteAllOf(ctx, kind, client.InNamespace(r.namespace)); err != nil {
			r.t.Error(err)
		}
	}
}

// agent is a running agent that sees the room's namespace alone, under the rights that manifests/ give it.
type agent struct {
	*product.Agent
	room *room
	dir  string
	args []string
}

func (r *room) startAgent(args ...string) *agent {
	r.t.Helper()
	return (&agent{room: r, dir: r.t.TempDir(), args: args}).start("")
}

func (a *agent) start(storage string) *agent {
	t := a.room.t
	t.Helper()
	kubeconfig := filepath.Join(a.dir, "kubeconfig")
	err := a.room.cluster.writeKubeconfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if a.Agent, err = product.StartAgent(soon(t), product.AgentOptions{
		Path: binaries.Agent, Kubeconfig: kubeconfig, Dir: a.dir, Storage: storage,
		Args: append([]string{"--watch-all-namespaces=false", "--min-retry-delay=100ms", "--max-retry-delay=500ms"}, a.args...),
		Env:  []string{"GORACE=halt_on_error=1", "RUNTIME_NAMESPACE=" + a.room.namespace},
	}); err != nil {
		t.Fatal(err)
	}
	running := a.Agent
	t.Cleanup(func() {
		if err := running.Err(); err != nil && running == a.Agent {
			t.Error(err)
		}
		running.Stop()
	})
	return a
}

// restartWithEmptyDisk ends the agent, and starts it where it was with nothing on its disk.
func (a *agent) restartWithEmptyDisk() {
	t := a.room.t
	t.Helper()
	storage := a.Storage
	running := a.Agent
	a.Agent = nil
	if err := running.Terminate(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(a.dir, "store")); err != nil {
		t.Fatal(err)
	}
	a.start(storage)
}

// push has the plugin push these files, names and contents, under a tag, and returns the digest of the manifest.
func (r *room) push(tag string, files ...string) (digest string) {
	r.t.Helper()
	dir := r.t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(soon(r.t), binaries.Plugin, "push", r.repository+":"+tag, "-f", dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("kubectl oci push: %v\n%s", err, stderr.String())
	}
	_, digest, _ = strings.Cut(strings.TrimSpace(string(out)), "@")
	return digest
}

// settings is a file that holds a ConfigMap of the room.
func (r *room) settings(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {value: %q}\n", name, r.namespace, value)
}

func (r *room) create(object client.Object) {
	r.t.Helper()
	object.SetNamespace(r.namespace)
	if err := r.cluster.admin.Create(soon(r.t), object); err != nil {
		r.t.Fatal(err)
	}
}

// source makes an OCIRepository of the room's repository that is polled when somebody asks.
func (r *room) source(name string, ref v1.OCIRepositoryRef, edits ...func(*v1.OCIRepository)) {
	r.t.Helper()
	object := &v1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.OCIRepositorySpec{
		URL: "oci://" + r.repository, Reference: &ref, Interval: v1.Duration{Duration: time.Hour},
	}}
	for _, edit := range edits {
		edit(object)
	}
	r.create(object)
}

// kustomization makes one that applies what the source of the same name has, and removes what it has no more.
func (r *room) kustomization(name string) {
	r.t.Helper()
	r.create(&kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: kustomizev1.KustomizationSpec{
		Interval: metav1.Duration{Duration: time.Hour}, RetryInterval: &metav1.Duration{Duration: time.Second}, Prune: true, Path: "./",
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: fluxcd.OCIRepository, Name: name},
	}})
}

// patch changes an object.
func (r *room) patch(object client.Object, name, patch string) {
	r.t.Helper()
	object.SetName(name)
	object.SetNamespace(r.namespace)
	if err := r.cluster.admin.Patch(soon(r.t), object, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		r.t.Fatal(err)
	}
}

// ask annotates an object as `flux reconcile` does, and returns what its status has to say then.
func (r *room) ask(object client.Object, name string) (token string) {
	r.t.Helper()
	token = time.Now().Format(time.RFC3339Nano)
	r.patch(object, name, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, requestedAt, token))
	return token
}

// poll has the agent look at the registry, and waits until it did.
func (r *room) poll(name string) *v1.OCIRepository {
	r.t.Helper()
	token := r.ask(&v1.OCIRepository{}, name)
	return until(r.record, name, "answers "+token, func(o *v1.OCIRepository) bool { return o.Status.LastHandledReconcileAt == token })
}

// apply has kustomize-controller apply what the source has, and waits until it did.
func (r *room) apply(name, revision string) {
	r.t.Helper()
	token := r.ask(&kustomizev1.Kustomization{}, name)
	until(r.record, name, "answers "+token+" with "+revision, func(k *kustomizev1.Kustomization) bool {
		return k.Status.LastHandledReconcileAt == token && applied(k, revision)
	})
}

// untilAdvertised waits until a source is ready with a revision.
func (r *room) untilAdvertised(name, revision string) *v1.OCIRepository {
	r.t.Helper()
	return until(r.record, name, "is ready with "+revision, func(o *v1.OCIRepository) bool {
		return meta.IsStatusConditionTrue(o.Status.Conditions, v1.ConditionReady) && o.Status.ObservedGeneration == o.Generation &&
			o.Status.Artifact != nil && o.Status.Artifact.Revision == revision
	})
}

// untilApplied waits until a Kustomization is ready with a revision, with no other push than the source's.
func (r *room) untilApplied(name, revision string) {
	r.t.Helper()
	until(r.record, name, "has applied "+revision, func(k *kustomizev1.Kustomization) bool { return applied(k, revision) })
}

func applied(k *kustomizev1.Kustomization, revision string) bool {
	return meta.IsStatusConditionTrue(k.Status.Conditions, v1.ConditionReady) && k.Status.ObservedGeneration == k.Generation &&
		k.Status.LastAppliedRevision == revision
}

// untilSettings waits until a ConfigMap has a value.
func (r *room) untilSettings(name, value string) *corev1.ConfigMap {
	r.t.Helper()
	return until(r.record, name, "has "+value, func(m *corev1.ConfigMap) bool { return m.Data["value"] == value })
}
