package agent_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// states is what tools that know nothing of its kind take an object for, from version to version, each change of it once.
func (r *record) states(name string) []status.Status {
	r.t.Helper()
	var states []status.Status
	for _, o := range r.history(name) {
		raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			r.t.Fatal(err)
		}
		result, err := status.Compute(&unstructured.Unstructured{Object: raw})
		if err != nil {
			r.t.Fatal(err)
		}
		states = append(states, result.Status)
	}
	return slices.Compact(states)
}

// The whole life of an object, as kstatus sees it: it is Current only while what is exposed is what the spec asks for, Failed only where
// somebody has to change something, and in progress at any other time. Each version is held against the promises of the API besides.
func TestEveryStateIsTrue(t *testing.T) {
	t.Parallel()
	const inProgress, current, failed = status.InProgressStatus, status.CurrentStatus, status.FailedStatus
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	var want []status.Status
	phase := func(name string, states ...status.Status) {
		t.Helper()
		want = append(want, states...)
		if diff := cmp.Diff(slices.Compact(slices.Clone(want)), r.states("app")); diff != "" {
			t.Fatalf("after %s (-want +got):\n%s\n%s", name, diff, r.story("app"))
		}
	}
	missing := tagged(reg, "app", "v1")
	missing.Interval = often()
	r.create("app", missing)
	r.until("app", fails(v1.ReasonPullFailed))
	phase("a first try without luck", inProgress)

	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.until("app", exposes(first.revision("v1")))
	phase("the first artifact", current)

	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	r.until("app", exposes(second.revision("v1")))
	phase("an update", current)

	broken := reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Status: http.StatusInternalServerError})
	r.until("app", fails(v1.ReasonPullFailed))
	broken.Remove()
	r.until("app", exposes(second.revision("v1")))
	phase("a failure and the recovery", inProgress, current)

	push(t, reg, "app", content{layers: []layer{{typeLayer, []byte("no archive")}}}, "v1")
	r.until("app", fails(v1.ReasonLayerOperationFailed))
	third := push(t, reg, "app", folder("a.yaml", "a: 3\n"), "v1")
	r.until("app", exposes(third.revision("v1")))
	phase("an artifact of no use and a better one", inProgress, current)

	other := push(t, reg, "app", folder("b.yaml", "b: 1\n"), "v2")
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Reference.Tag = "v2" })
	r.until("app", exposes(other.revision("v2")))
	phase("a changed spec", inProgress, current)

	url := missing.URL
	r.change("app", func(o *v1.OCIRepository) { o.Spec.URL += ":v1" })
	r.until("app", fails(v1.ReasonURLInvalid))
	phase("a mistake", inProgress, failed)

	r.change("app", func(o *v1.OCIRepository) { o.Spec.URL = url })
	r.until("app", exposes(other.revision("v2")))
	phase("the correction", inProgress, current)

	r.poll("app")
	phase("a request", current)

	r.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = true })
	r.until("app", exposes(other.revision("v2")))
	phase("suspension", inProgress, current)

	r.poll("app")
	phase("a request while suspended", current)

	r.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = false })
	r.until("app", exposes(other.revision("v2")))
	phase("resumption", inProgress, current)

	r.annotate("app", v1.AnnotationWindow, shut())
	fourth := push(t, reg, "app", folder("b.yaml", "b: 2\n"), "v2")
	r.until("app", waiting(other.revision("v2"), fourth.revision("v2")))
	phase("an update that waits", current)

	r.delete("app")
	r.wait("app", "app is gone", func() bool { return r.gone["app"] })
	phase("its end", current)
}

// What people and scripts wait with. A condition that tells of another generation satisfies none of them.
func TestKubectlWait(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	wait := func(args ...string) error {
		_, err := kubectl(soon(t), "", append([]string{"wait", "-n", r.namespace, "ocirepository/app"}, args...)...)
		return err
	}
	for _, is := range []string{"--for=condition=Ready", "--for=condition=ArtifactInStorage", "--for=jsonpath={.status.artifact.revision}=" + p.revision("v1")} {
		if err := wait(is, "--timeout=50s"); err != nil {
			t.Error(err)
		}
	}
	slow := reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Delay: time.Hour})
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Reference.Tag = "v2" })
	if err := wait("--for=condition=Ready", "--timeout=1s"); err == nil {
		t.Error("it is Ready while the answer is about another generation")
	}
	slow.Remove()
	if err := wait("--for=condition=Ready=false", "--timeout=50s"); err != nil {
		t.Error(err)
	}
	out, err := kubectl(soon(t), "", "get", "ocirepo", "app", "-n", r.namespace)
	if err != nil || !strings.Contains(out, "False") || !strings.Contains(out, "v2") {
		t.Errorf("%v\n%s", err, out)
	}
}
