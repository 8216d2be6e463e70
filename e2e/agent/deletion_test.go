package agent_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// What the store holds for an object goes with the object, bytes included.
func TestDelete(t *testing.T) {
	t.Parallel()
	r := newShard(t, "delete")
	a := runAgent(t, agentOptions{Shard: "delete"})
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	for _, name := range []string{"app", "twin"} {
		r.create(name, tagged(reg, "app", "v1"))
	}
	status := r.until("app", exposes(p.revision("v1"))).Status
	twin := r.until("twin", exposes(p.revision("v1")))
	if n := len(a.files(t, "blobs")); n != 1 {
		t.Errorf("equal bytes are kept %d times", n)
	}
	r.delete("app")
	untilGone(t, status.Artifact.URL)
	untilGone(t, status.URL)
	download(t, twin)
	r.delete("twin")
	untilGone(t, twin.Status.Artifact.URL)
	if left := append(a.files(t, "blobs"), a.files(t, "ocirepository")...); len(left) > 0 {
		t.Errorf("left in the store: %q", left)
	}
	r.create("app", tagged(reg, "app", "v1"))
	download(t, r.until("app", exposes(p.revision("v1"))))
}

// Objects that go while no agent is there are noticed when one comes.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	r := newShard(t, "sweep")
	a := runAgent(t, agentOptions{Shard: "sweep"})
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	for _, name := range []string{"app", "kept"} {
		r.create(name, tagged(reg, "app", "v1"))
		r.until(name, exposes(p.revision("v1")))
	}
	path := r.get("app").Status.Artifact.Path
	a.kill()
	r.delete("app")
	a = a.again(t)
	untilGone(t, "http://"+a.Storage+"/"+path)
	if n := len(a.files(t, "ocirepository")); n != 1 {
		t.Errorf("%d entries, one object", n)
	}
	download(t, r.get("kept"))
}

// The finalizer of the controller before us would keep an object from going when no agent is there.
func TestFinalizerIsReleased(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	url := r.until("app", exposes(p.revision("v1"))).Status.Artifact.URL
	r.change("app", func(o *v1.OCIRepository) { o.Finalizers = []string{v1.FinalizerFlux} })
	r.delete("app")
	r.wait("app", "the object is gone", func() bool { return r.gone["app"] })
	untilGone(t, url)
}

// Who learned of an artifact a moment ago can still download it, for as long as the administrator says, and not longer.
func TestRetention(t *testing.T) {
	t.Parallel()
	r := newShard(t, "retention")
	runAgent(t, agentOptions{Shard: "retention", Args: []string{"--artifact-retention-ttl=4s", "--artifact-retention-records=1"}})
	reg := registry.For(t, registry.Options{})
	var urls []string
	for _, text := range []string{"a: 1\n", "a: 2\n", "a: 3\n"} {
		p := push(t, reg, "app", folder("a.yaml", text), "v1")
		if len(urls) == 0 {
			spec := tagged(reg, "app", "v1")
			spec.Interval = often()
			r.create("app", spec)
		} else {
			r.ask("app")
		}
		urls = append(urls, r.until("app", exposes(p.revision("v1"))).Status.Artifact.URL)
		if len(urls) == 2 {
			r.poll("app")
			if gone(t, urls[0]) {
				t.Error("the one before is gone at once")
			}
		}
	}
	untilGone(t, urls[0]) // one record is kept
	untilGone(t, urls[1]) // for four seconds
	if gone(t, urls[2]) {
		t.Error("the artifact that is advertised is gone")
	}
}

// files are the names of the files below a folder of the store.
func (a *agent) files(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(filepath.Join(a.options.Dir, "store")), folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
