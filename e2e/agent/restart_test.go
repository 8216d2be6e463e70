package agent_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// A restart is no event: what is advertised is served as before, and nothing is fetched or written anew.
func TestRestart(t *testing.T) {
	t.Parallel()
	r := newShard(t, "restart")
	a := runAgent(t, agentOptions{Shard: "restart"})
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	before := r.until("app", exposes(p.revision("v1")))
	a.terminate(t)
	counts := reg.Proxy.Counts()
	a.again(t)
	download(t, before)
	if _, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Of("HEAD", proxy.Manifest) > counts.Of("HEAD", proxy.Manifest) }); err != nil {
		t.Fatal(err)
	}
	after := r.poll("app") // two polls then, or one
	if n := reg.Proxy.Counts().Sub(counts).Of("GET", ""); n > 1 {
		t.Errorf("a restart took more GETs than a ping: %v", reg.Proxy.Counts().Sub(counts))
	}
	after.Status.LastHandledReconcileAt = ""
	if diff := cmp.Diff(before.Status, after.Status); diff != "" {
		t.Errorf("status (-before +after):\n%s", diff)
	}
	r.untilEvent("app", "Normal", v1.ReasonNewArtifact, nil) // told before the end
	if n := len(r.told("app")); n != 1 {
		t.Errorf("%d events, one artifact", n)
	}
}

// An agent that lost its disk serves what is advertised again: the same bytes under the same revision.
func TestRestartWithEmptyDisk(t *testing.T) {
	t.Parallel()
	r := newShard(t, "empty-disk")
	a := runAgent(t, agentOptions{Shard: "empty-disk"})
	reg := registry.For(t, registry.Options{})
	kept := push(t, reg, "kept", folder("a.yaml", "a: 1\n"), "v1")
	repacked := push(t, reg, "repacked", folder("a.yaml", "a: 1\n", "logo.png", "png\n"), "v1")
	pinned := push(t, reg, "pinned", folder("a.yaml", "a: 2\n"))
	specs := map[string]v1.OCIRepositorySpec{"kept": tagged(reg, "kept", "v1"), "repacked": tagged(reg, "repacked", "v1"), "pinned": at(reg, "pinned")}
	spec := specs["pinned"]
	spec.Reference = &v1.OCIRepositoryRef{Digest: pinned.Digest}
	specs["pinned"] = spec
	revisions := map[string]string{"kept": kept.revision("v1"), "repacked": repacked.revision("v1"), "pinned": pinned.Digest}
	before := map[string]*v1.OCIRepository{}
	for name, spec := range specs {
		r.create(name, spec)
		before[name] = r.until(name, exposes(revisions[name]))
	}
	a.kill()
	if err := os.RemoveAll(filepath.Join(a.options.Dir, "store")); err != nil {
		t.Fatal(err)
	}
	a.again(t)
	for name, was := range before {
		o := r.poll(name)
		download(t, o)
		o.Status.LastHandledReconcileAt = ""
		if diff := cmp.Diff(was.Status, o.Status); diff != "" {
			t.Errorf("status of %s (-before +after):\n%s", name, diff)
		}
	}
}

// Where the registry cannot be reached either, what is advertised stays, and the object says that nobody serves it.
func TestRestartWithNothingAtAll(t *testing.T) {
	t.Parallel()
	r := newShard(t, "nothing")
	a := runAgent(t, agentOptions{Shard: "nothing"})
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	before := r.until("app", exposes(p.revision("v1")))
	a.kill()
	if err := os.RemoveAll(filepath.Join(a.options.Dir, "store")); err != nil {
		t.Fatal(err)
	}
	away := reg.Proxy.During(t, proxy.Fault{Status: http.StatusBadGateway})
	a.again(t)
	o := r.until("app", fails(v1.ReasonPullFailed))
	if c := condition(o, v1.ConditionArtifactInStorage); c != nil || !strings.Contains(messageOf(o), "lost") {
		t.Errorf("ArtifactInStorage is %v, Ready says %q", c, messageOf(o))
	}
	if diff := cmp.Diff(before.Status.Artifact, o.Status.Artifact); diff != "" {
		t.Errorf("artifact (-before +after):\n%s", diff)
	}
	for _, url := range []string{o.Status.Artifact.URL, o.Status.URL} {
		if resp, _ := get(t, url); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("GET %s: %s, retry after %q", url, resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	away.Remove()
	after := r.until("app", exposes(p.revision("v1")))
	download(t, after)
	if diff := cmp.Diff(before.Status.Artifact, after.Status.Artifact); diff != "" {
		t.Errorf("artifact (-before +after):\n%s", diff)
	}
}

// Bytes that rot on the disk are never served: they are fetched anew.
func TestDamagedDisk(t *testing.T) {
	t.Parallel()
	r := newShard(t, "damage")
	a := runAgent(t, agentOptions{Shard: "damage"})
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	o := r.until("app", exposes(p.revision("v1")))
	a.kill()
	blob := filepath.Join(a.options.Dir, "store", a.files(t, "blobs")[0])
	raw, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(blob, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	a.again(t)
	if resp, body := get(t, o.Status.Artifact.URL); resp.StatusCode == 200 && digestOf(body) != o.Status.Artifact.Digest {
		t.Error("damaged bytes are served")
	}
	download(t, r.poll("app"))
}
