package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// An address in a status becomes part of a request with the user's rights: only that of a Service does.
func TestProxyPath(t *testing.T) {
	t.Parallel()
	const file = "/ocirepository/ns/app/sha256:00.tar.gz"
	for address, want := range map[string]string{
		"http://agent.oci-system.svc" + file:                                  "/api/v1/namespaces/oci-system/services/agent:80/proxy" + file,
		"http://source-controller.flux-system.svc.cluster.local./" + file[1:]: "/api/v1/namespaces/flux-system/services/source-controller:80/proxy" + file,
		"http://agent.oci-system:9090" + file:                                 "/api/v1/namespaces/oci-system/services/agent:9090/proxy" + file,
		"https://agent.oci-system.svc" + file:                                 "/api/v1/namespaces/oci-system/services/https:agent:443/proxy" + file,
		"http://127.0.0.1:9090" + file:                                        "",
		"http://[::1]:9090" + file:                                            "",
		"http://localhost" + file:                                             "",
		"http://registry.example.com" + file:                                  "",
		"http://agent.oci-system.svc/../../x":                                 "",
		"http://agent.oci-system.svc/a//b":                                    "",
		"http://agent.oci-system.svc/a%2f..%2fb":                              "",
		"http://agent.oci-system.svc/a%252e":                                  "",
		"http://agent.oci-system.svc/a?x=y":                                   "",
		"http://a%2fb.oci-system.svc/a":                                       "",
		"http://-.oci-system.svc/a":                                           "",
		"":                                                                    "",
		":":                                                                   "",
	} {
		got, err := proxyPath(address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", address, got, err, want)
		}
	}
}

func TestObjectName(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"app": "app", "ocirepository/app": "app", "ocirepo/app": "app", "OCIRepositories/app": "app",
		"ocirepository.source.toolkit.fluxcd.io/app": "app", "ocirepositories.v1.source.toolkit.fluxcd.io/app": "app",
		"": "", "pod/app": "", "ocirepository/": "", "ocirepository/a/b": "", "..": "", "a%2fb": "", "ocirepository.example.com/app": "",
	} {
		if got, _, err := objectName(arg); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", arg, got, err)
		}
	}
}

// A request is answered by a status about it, or about one that came after it; what is there from before is no answer.
func TestSettled(t *testing.T) {
	t.Parallel()
	asked := &v1.OCIRepository{}
	asked.Generation = 2
	asked.Annotations = map[string]string{v1.AnnotationReconcileRequest: "mine"}
	ready := func(status metav1.ConditionStatus, reason string, generation int64) metav1.Condition {
		return metav1.Condition{Type: v1.ConditionReady, Status: status, Reason: reason, Message: "why\nand how", ObservedGeneration: generation}
	}
	for name, test := range map[string]struct {
		handled, annotation string
		ready               metav1.Condition
		done                bool
		err                 string
	}{
		"succeeded":             {"mine", "mine", ready(metav1.ConditionTrue, "Succeeded", 2), true, ""},
		"failed":                {"mine", "mine", ready(metav1.ConditionFalse, "Bad", 2), true, "Bad: why and how"},
		"waits for a window":    {"mine", "mine", ready(metav1.ConditionUnknown, v1.ReasonWindowClosed, 2), true, "WindowClosed: why and how"},
		"under way":             {"mine", "mine", ready(metav1.ConditionUnknown, "Progressing", 2), false, ""},
		"before the request":    {"", "mine", ready(metav1.ConditionTrue, "Succeeded", 2), false, ""},
		"an earlier request":    {"other", "mine", ready(metav1.ConditionTrue, "Succeeded", 2), false, ""},
		"somebody's later one":  {"later", "later", ready(metav1.ConditionTrue, "Succeeded", 2), true, ""},
		"an earlier generation": {"mine", "mine", ready(metav1.ConditionTrue, "Succeeded", 1), false, ""},
	} {
		now := asked.DeepCopy()
		now.Annotations[v1.AnnotationReconcileRequest] = test.annotation
		now.Status.LastHandledReconcileAt = test.handled
		now.Status.Conditions = []metav1.Condition{test.ready}
		done, _, err := settled(now, asked)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if done != test.done || text != test.err {
			t.Errorf("%s: got %v, %q", name, done, text)
		}
	}
	suspended := asked.DeepCopy()
	suspended.Spec.Suspend = true
	if _, _, err := settled(suspended, asked); err == nil {
		t.Error("what is suspended meanwhile is waited for")
	}
}

func TestRepositoryCells(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	o := &v1.OCIRepository{}
	o.Name, o.CreationTimestamp = "app", metav1.NewTime(now.Add(-26*time.Hour))
	o.Spec.URL, o.Spec.Interval.Duration = "oci://docker.io/org/app", 5*time.Minute
	o.Spec.Verify = &v1.Verification{}
	if diff := cmp.Diff([]any{"app", "<none>", "Unknown", "Unknown", "26h", "within 5m", o.Spec.URL, "<none>", "no agent has looked at it yet"},
		repositoryCells(o, now)); diff != "" {
		t.Errorf("new (-want +got):\n%s", diff)
	}
	o.Status.Artifact = &v1.Artifact{Revision: "v1@sha256:" + strings.Repeat("0123456789abcdef", 4), LastUpdateTime: metav1.NewTime(now.Add(-time.Minute))}
	o.Status.Conditions = []metav1.Condition{
		{Type: v1.ConditionReady, Status: metav1.ConditionFalse, Message: "no"}, {Type: v1.ConditionStalled, Status: metav1.ConditionTrue},
		{Type: v1.ConditionSourceVerified, Status: metav1.ConditionFalse},
	}
	if diff := cmp.Diff([]any{"app", "v1@sha256:0123456789ab", "False", "False", "26h", "when changed", o.Spec.URL, "60s", "no"},
		repositoryCells(o, now)); diff != "" {
		t.Errorf("stalled (-want +got):\n%s", diff)
	}
}

// Where the status does not tell, as with source-controller, the spec and the revision do.
func TestOriginOf(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("ab", 32)
	o := &v1.OCIRepository{}
	o.Spec.URL = "oci://docker.io/org/app"
	for revision, want := range map[string]string{
		"v1@" + digest: "docker.io/org/app@" + digest, digest: "docker.io/org/app@" + digest, "v1@sha1:00": "v1@sha1:00",
	} {
		o.Status.Artifact = &v1.Artifact{Revision: revision}
		if got := originOf(o); got != want {
			t.Errorf("%s: got %s", revision, got)
		}
	}
	o.Status.Artifact.Metadata = map[string]string{v1.MetadataSource: "ghcr.io/org/app@" + digest}
	if got := originOf(o); got != "ghcr.io/org/app@"+digest {
		t.Errorf("got %s", got)
	}
}

func TestWritten(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5m", time.Hour: "1h", 90 * time.Minute: "1h30m", time.Second: "1s", 10 * time.Hour: "10h",
		61 * time.Second: "1m1s", time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s",
	} {
		if got := written(d); got != want {
			t.Errorf("%s: got %s", d, got)
		}
	}
}
