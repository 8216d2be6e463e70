package flux_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

// Under Flux's own definitions the agent does what it does under ours: with the defaults of source-controller 1.9, and with 1.10, which
// sets none. It runs before all others, which find the newest one then, as after an upgrade of Flux.
func TestUnderFluxDefinition(t *testing.T) { //nolint:paralleltest // it changes what an object is
	newest, err := releasedDefinition(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		release    string
		definition *apiextensionsv1.CustomResourceDefinition
		timeout    string // that an object gets whose author named none
	}{
		{"1.9", flux.Definition(fluxcd.SourcesGroup, fluxcd.OCIRepository), "60s"},
		{"1.10", newest, ""},
	} {
		t.Run(c.release, func(t *testing.T) {
			if err := inherited.define(soon(t), c.definition); err != nil {
				t.Fatal(err)
			}
			untilDefaulted(t, inherited, c.timeout)
			r := newRoom(t, inherited)
			r.startAgent()
			refusesOtherPrefixes(t, r)
			tellStory(t, r)
		})
	}
}

// untilDefaulted waits until the API server gives objects this timeout: it takes up a changed definition some time after it said so.
func untilDefaulted(t *testing.T, c *cluster, timeout string) {
	t.Helper()
	ctx := soon(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		const object = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: probe, namespace: default}\nspec: {url: oci://example.com/app, interval: 1m}"
		out, err := c.kubectl(ctx, object, "create", "--dry-run=server", "-o", "jsonpath={.spec.timeout}", "-f", "-")
		if err == nil && out == timeout {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("an object's timeout is %q, %v, want %q", out, err, timeout)
		}
	}
}

// refusesOtherPrefixes holds the API server to what our documentation says of Flux's definition.
func refusesOtherPrefixes(t *testing.T, r *room) {
	t.Helper()
	object := &v1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "bare"}}
	object.Spec = v1.OCIRepositorySpec{URL: r.repository, Interval: v1.Duration{Duration: time.Hour}}
	if err := r.cluster.admin.Create(soon(t), object); err == nil || !strings.Contains(err.Error(), "spec.url") {
		t.Errorf("a URL without oci:// is accepted: %v", err)
	}
	if _, err := r.cluster.kubectl(soon(t), "", "get", "ocirepositories.v1beta2."+fluxcd.SourcesGroup); err == nil {
		t.Error("v1beta2 is served")
	}
}

// tellStory is an object's life: pushed, advertised, updated, in trouble, recovered.
func tellStory(t *testing.T, r *room) {
	t.Helper()
	revision := "main@" + r.push("main", "a.yaml", r.settings("a", "1"))
	r.source("app", v1.OCIRepositoryRef{Tag: "main"})
	r.kustomization("app")
	r.untilAdvertised("app", revision)
	r.untilApplied("app", revision)

	revision = "main@" + r.push("main", "a.yaml", r.settings("a", "2"))
	r.poll("app")
	r.untilApplied("app", revision)
	r.untilSettings("a", "2")

	trouble := bed.Registry.Proxy.During(t, proxy.Fault{Path: regexp.MustCompile(r.namespace), Status: http.StatusForbidden})
	r.ask(&v1.OCIRepository{}, "app")
	o := until(r.record, "app", "is in trouble", func(o *v1.OCIRepository) bool {
		return meta.IsStatusConditionFalse(o.Status.Conditions, v1.ConditionReady)
	})
	if o.Status.Artifact == nil || o.Status.Artifact.Revision != revision {
		t.Error("trouble takes the artifact away")
	}
	r.apply("app", revision) // from what is still served

	trouble.Remove()
	r.untilAdvertised("app", revision)
	if err := r.cluster.admin.Get(soon(t), client.ObjectKeyFromObject(o), o); err != nil || len(o.Finalizers) > 0 {
		t.Errorf("finalizers %v, %v", o.Finalizers, err)
	}
}
