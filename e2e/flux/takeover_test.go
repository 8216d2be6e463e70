package flux_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// source-controller stops and the agent starts, under a live kustomize-controller: every object is advertised anew under the revision
// it had, and nothing that was applied goes or is made anew.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	r := newRoom(t, inherited)
	before := r.startIncumbent("")
	digest := r.push("1.0.0", "a.yaml", r.settings("a", "1"))
	r.push("main", "a.yaml", r.settings("a", "1"))
	revisions := map[string]string{"tag": "main@" + digest, "version": "1.0.0@" + digest, "digest": digest, "suspended": "main@" + digest}
	r.source("tag", v1.OCIRepositoryRef{Tag: "main"})
	r.source("version", v1.OCIRepositoryRef{SemVer: "1.x"})
	r.source("digest", v1.OCIRepositoryRef{Digest: digest})
	r.source("suspended", v1.OCIRepositoryRef{Tag: "main"})
	found := map[string]*v1.OCIRepository{}
	for name, revision := range revisions {
		found[name] = r.untilAdvertised(name, revision)
		if o := found[name]; !strings.Contains(o.Status.Artifact.Path, digest) || len(o.Finalizers) != 1 {
			t.Fatalf("not source-controller's: %s, finalizers %v", o.Status.Artifact.Path, o.Finalizers)
		}
	}
	r.suspend("suspended")
	r.kustomization("tag")
	r.untilApplied("tag", revisions["tag"])
	uid := r.untilSettings("a", "1").UID

	before.stop()
	meanwhile := r.ask(&kustomizev1.Kustomization{}, "tag") // which finds nobody who serves
	a := r.startAgent()
	for name, revision := range revisions {
		o := until(r.record, name, "is served by the agent", func(o *v1.OCIRepository) bool {
			return o.Status.Artifact != nil && strings.HasPrefix(o.Status.Artifact.URL, "http://"+a.Storage+"/") && len(o.Finalizers) == 0
		})
		r.isServed(o, revision)
		if was, is := found[name].Status.LastHandledReconcileAt, o.Status.LastHandledReconcileAt; was != is {
			t.Errorf("%s: request %q is answered, after %q", name, is, was)
		}
	}
	until(r.record, "tag", "is over what happened meanwhile", func(k *kustomizev1.Kustomization) bool {
		return k.Status.LastHandledReconcileAt == meanwhile && applied(k, revisions["tag"])
	})
	r.hasKept("a", uid)

	// From here on, it is as if nobody else had ever been there.
	digest = r.push("main", "a.yaml", r.settings("a", "2"), "b.yaml", r.settings("b", "2"))
	r.poll("tag")
	r.untilApplied("tag", "main@"+digest)
	r.untilSettings("a", "2")
	r.hasKept("a", uid)
	digest = r.push("main", "b.yaml", r.settings("b", "2"))
	r.poll("tag")
	r.untilApplied("tag", "main@"+digest)
	untilGone[*corev1.ConfigMap](r.record, "a")
	if o, _ := history[*v1.OCIRepository](r.record, "suspended"); o[len(o)-1].Status.Artifact.Revision != revisions["suspended"] {
		t.Error("a suspended object follows its tag")
	}
	for name := range revisions {
		r.neverWithout(name)
	}
}

// suspend has the agent leave an object alone, and source-controller.
func (r *room) suspend(name string) {
	r.t.Helper()
	r.patch(&v1.OCIRepository{}, name, `{"spec":{"suspend":true}}`)
	until(r.record, name, "is suspended", func(o *v1.OCIRepository) bool { return o.Status.ObservedGeneration == o.Generation })
}

// isServed downloads what an object advertises.
func (r *room) isServed(o *v1.OCIRepository, revision string) {
	r.t.Helper()
	body := r.download(o.Status.Artifact.URL)
	if digest := fmt.Sprintf("sha256:%x", sha256.Sum256(body)); digest != o.Status.Artifact.Digest || o.Status.Artifact.Revision != revision {
		r.t.Errorf("%s: %d bytes with digest %s, revision %s; want %s", o.Name, len(body), digest, o.Status.Artifact.Revision, revision)
	}
}

func (r *room) download(url string) []byte {
	r.t.Helper()
	req, err := http.NewRequestWithContext(soon(r.t), http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s, %v", url, resp.Status, err)
	}
	return body
}

// hasKept fails where a ConfigMap was deleted, or made anew.
func (r *room) hasKept(name string, uid types.UID) {
	r.t.Helper()
	versions, deleted := history[*corev1.ConfigMap](r.record, name)
	for _, m := range versions {
		if m.UID != uid {
			r.t.Errorf("%s was made anew", name)
		}
	}
	if deleted > 0 {
		r.t.Errorf("%s was deleted", name)
	}
}

// neverWithout fails where an object that had an artifact had none later.
func (r *room) neverWithout(name string) {
	r.t.Helper()
	versions, _ := history[*v1.OCIRepository](r.record, name)
	had := false
	for _, o := range versions {
		if had && o.Status.Artifact == nil {
			r.t.Errorf("version %s of %s has no artifact", o.ResourceVersion, name)
		}
		had = had || o.Status.Artifact != nil
	}
}
