package agent_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// goods is what a fleet serves: every way in which bytes come about.
type goods struct {
	open, closed *registry.Registry
	revisions    map[string]string // by object
}

func (f *fleet) stock() *goods {
	f.t.Helper()
	g := &goods{
		open:      registry.For(f.t, registry.Options{}),
		closed:    registry.For(f.t, registry.Options{Auth: registry.Token, Users: []registry.User{alice}}),
		revisions: map[string]string{},
	}
	add := func(name string, p pushed, spec v1.OCIRepositorySpec) {
		g.revisions[name] = p.revision("v1")
		if spec.Reference.Digest != "" {
			g.revisions[name] = p.Digest
		}
		f.create(name, spec)
	}
	kept := push(f.t, g.open, "kept", folder("a.yaml", "a: 1\n", "noise", noise(300<<10)), "v1")
	add("kept", kept, tagged(g.open, "kept", "v1"))
	add("repacked", push(f.t, g.open, "repacked", folder("a.yaml", strings.Repeat("a: 1\n", 1000), "logo.png", "png\n"), "v1"), tagged(g.open, "repacked", "v1"))
	copied := tagged(g.open, "kept", "v1")
	copied.LayerSelector = &v1.OCILayerSelector{Operation: v1.LayerCopy}
	add("copied", kept, copied)
	pinned := at(g.open, "kept")
	pinned.Reference = &v1.OCIRepositoryRef{Digest: kept.Digest}
	add("pinned", kept, pinned)
	add("private", push(f.t, g.closed, "org/app", folder("a.yaml", "a: 2\n"), "v1"),
		private(g.closed, f.pullSecret("regcred", g.closed.Host, alice.Name, alice.Password)))
	return g
}

// untilServed waits until all is advertised as it was pushed.
func (f *fleet) untilServed(g *goods) map[string]*v1.OCIRepository {
	f.t.Helper()
	found := map[string]*v1.OCIRepository{}
	for name, revision := range g.revisions {
		found[name] = f.until(name, exposes(revision))
	}
	return found
}

// away has both registries answer nothing of use.
func (g *goods) away(t *testing.T) (back func()) {
	t.Helper()
	open, closed := g.open.Proxy.During(t, proxy.Fault{Status: http.StatusBadGateway}), g.closed.Proxy.During(t, proxy.Fault{Status: http.StatusBadGateway})
	return func() { open.Remove(); closed.Remove() }
}

// check fails the test where a download came to something else than the bytes that are advertised. Only a power cut may break
// a connection.
func (c *consumers) check(t *testing.T, mayBreak bool) count {
	t.Helper()
	got := c.end()
	t.Log(got)
	if got.right == 0 || got.wrong > 0 || len(got.answers) > 0 || got.cut > 0 && !mayBreak {
		t.Errorf("%s\n%s", got, strings.Join(got.samples, "\n"))
	}
	return got
}

// neverLost checks that no object was ever told to be lost, or to have other bytes than before.
func (f *fleet) neverLost(before map[string]*v1.OCIRepository) {
	f.t.Helper()
	for name, was := range before {
		for _, o := range f.history(name) {
			if o.Status.Artifact == nil {
				continue
			}
			if o.Status.Artifact.Digest != was.Status.Artifact.Digest || strings.Contains(messageOf(o), "lost") {
				f.t.Errorf("%s: %s\n%s", name, summary(o), messageOf(o))
			}
		}
	}
}

// A rollout, with empty disks and every registry away: what one replica holds is never lost. When the registries are back, the last
// replica polls, and fetches nothing.
func TestRollout(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "rollout", 4)
	g := f.stock()
	leader := f.start(0)
	before := f.untilServed(g)
	follower := f.start(1)
	c := consume(t, f.room, 4)
	c.untilRight(50)
	back := g.away(t)
	for n, old := range []*agent{leader, follower} {
		f.start(2 + n)
		c.untilRight(50)
		f.retire(old)
		c.untilRight(50)
	}
	fetched := g.open.Proxy.Counts()
	back()
	for name := range before {
		f.poll(name)
	}
	if n := g.open.Proxy.Counts().Sub(fetched).Of("GET", proxy.Blob); n > 0 {
		t.Errorf("the new leader fetches %d layers that it has", n)
	}
	c.check(t, false)
	f.neverLost(before)
}

// A leader that dies is missed by nobody who downloads, and what is pushed afterwards is served as soon as another one leads.
func TestLeaderDies(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "leader-dies", 2)
	g := f.stock()
	leader := f.start(0)
	before := f.untilServed(g)
	f.start(1)
	c := consume(t, f.room, 4)
	c.untilRight(50)
	f.crash(leader)
	c.untilRight(200)
	next := push(t, g.open, "kept", folder("a.yaml", "a: 3\n"), "v2")
	f.change("kept", func(o *v1.OCIRepository) { o.Spec.Reference.Tag = "v2" })
	f.until("kept", exposes(next.revision("v2")))
	c.untilRight(50)
	c.check(t, true)
	delete(before, "kept")
	f.neverLost(before)
}

// All replicas lose their disks at the same time: the registries have it all.
func TestAllRestartWithEmptyDisks(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "all-restart", 2)
	g := f.stock()
	all := []*agent{f.start(0)}
	before := f.untilServed(g)
	all = append(all, f.start(1))
	c := consume(t, f.room, 4)
	for range 2 {
		c.untilRight(50)
		for _, a := range all {
			f.crash(a)
		}
		all = f.again(all...)
	}
	c.untilRight(200)
	c.check(t, true)
	f.neverLost(before)
}

// Every registry is away, and replicas die one after the other: as long as one is left that holds it all, nothing is missed.
func TestLastHolder(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "last-holder", 2)
	g := f.stock()
	one := f.start(0)
	before := f.untilServed(g)
	two := f.start(1)
	g.away(t)
	c := consume(t, f.room, 4)
	for range 2 {
		c.untilRight(50)
		f.crash(one)
		one = f.again(one)[0]
		c.untilRight(50)
		f.crash(two)
		two = f.again(two)[0]
	}
	c.untilRight(200)
	c.check(t, true)
	f.neverLost(before)
}

// A version that packs other bytes. While a replica holds the old ones they stay; where all are lost the new ones are advertised at
// once, under the same revision: also of an object that is suspended, and of one whose tag is gone. Only who asks for what is lost has to
// wait.
func TestOtherPacker(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "other-packer", 4)
	g := f.stock()
	repacked := []string{"repacked", "suspended", "failing"}
	for _, name := range repacked[1:] {
		f.create(name, tagged(g.open, "repacked", "v1"))
		g.revisions[name] = g.revisions["repacked"]
	}
	old := []*agent{f.start(0)}
	before := f.untilServed(g)
	f.change("suspended", func(o *v1.OCIRepository) { o.Spec.Suspend = true })
	f.change("failing", func(o *v1.OCIRepository) { o.Spec.Reference.Tag = "gone" })
	old = append(old, f.start(1))
	f.path = otherPacker(t)
	c := consume(t, f.room, 4)
	var all []*agent
	for n, a := range old {
		all = append(all, f.start(2+n))
		f.retire(a)
	}
	for name := range before {
		f.poll(name)
	}
	c.untilRight(200)
	c.check(t, false)
	f.neverLost(before)

	c = consume(t, f.room, 4)
	for _, a := range all {
		f.crash(a)
	}
	f.again(all...)
	for _, name := range repacked {
		was := before[name].Status.Artifact
		f.until(name, want{"advertised anew", func(o *v1.OCIRepository) bool {
			return o.Status.Artifact.Revision == was.Revision && o.Status.Artifact.Digest != was.Digest
		}})
	}
	c.untilRight(100)
	got := c.end()
	t.Log(got)
	for _, name := range repacked {
		delete(got.refused, before[name].Status.Artifact.URL) // nobody can make these bytes any more
		delete(got.refused, before[name].Status.URL)
		delete(before, name)
	}
	if got.wrong > 0 || len(got.refused) > 0 {
		t.Errorf("%s: %v\n%s", got, got.refused, strings.Join(got.samples, "\n"))
	}
	f.neverLost(before)
}

// otherPacker is the agent with another level of compression.
func otherPacker(t *testing.T) string {
	t.Helper()
	file, dir := filepath.Join(root, "pkg", "archive", "writer.go"), t.TempDir()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(raw), "gzipLevel = 6", "gzipLevel = 1", 1)
	if changed == string(raw) {
		t.Fatal("the level of compression is not where it was")
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: filepath.Join(dir, "writer.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"writer.go": []byte(changed), "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other, err := product.Build(t.Context(), dir, "-race", "-overlay="+filepath.Join(dir, "overlay.json"))
	if err != nil {
		t.Fatal(err)
	}
	return other.Agent
}
