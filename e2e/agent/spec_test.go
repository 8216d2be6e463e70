package agent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// What is left out changes what is served, under the same revision.
func TestIgnore(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a\n", "b.yaml", "b\n", "logo.png", "png\n", "sub/.sourceignore", "/c.yaml\n", "sub/c.yaml", "c\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	o := r.until("app", exposes(p.revision("v1")))
	files := map[string]string{"a.yaml": "a\n", "b.yaml": "b\n", "logo.png": "png\n", "sub/.sourceignore": "/c.yaml\n"}
	if diff := cmp.Diff(files, unpack(t, download(t, o))); diff != "" {
		t.Errorf("files with .sourceignore (-want +got):\n%s", diff)
	}
	plain := o.Status.Artifact.Digest

	r.change("app", func(o *v1.OCIRepository) { o.Spec.Ignore = new("b.yaml\n") })
	o = r.until("app", exposes(p.revision("v1")))
	delete(files, "b.yaml")
	if diff := cmp.Diff(files, unpack(t, download(t, o))); diff != "" {
		t.Errorf("files with spec.ignore (-want +got):\n%s", diff)
	}

	r.change("app", func(o *v1.OCIRepository) { o.Spec.Ignore = nil })
	o = r.until("app", exposes(p.revision("v1")))
	if o.Status.Artifact.Digest != plain {
		t.Errorf("digest is %s, and was %s before spec.ignore came and went", o.Status.Artifact.Digest, plain)
	}
	r.wait("app", "there is an event for each", func() bool { return len(r.events) == 3 })
}

func TestLayerSelector(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", content{layers: []layer{
		{typeLayer, archive("first.yaml", "1\n")},
		{typeFluxLayer, archive("second.yaml", "2\n", "logo.png", "png\n")},
		{"application/octet-stream", []byte("no archive at all")},
	}}, "v1")
	tests := map[string]struct {
		selector *v1.OCILayerSelector
		layer    int
	}{
		"none":         {nil, 0},
		"empty":        {&v1.OCILayerSelector{}, 0},
		"copy-first":   {&v1.OCILayerSelector{Operation: v1.LayerCopy}, 0},
		"by-type":      {&v1.OCILayerSelector{MediaType: typeFluxLayer, Operation: v1.LayerCopy}, 1},
		"copy-no-tar":  {&v1.OCILayerSelector{MediaType: "application/octet-stream", Operation: v1.LayerCopy}, 2},
		"extract-type": {&v1.OCILayerSelector{MediaType: typeLayer, Operation: v1.LayerExtract}, 0},
	}
	for name, test := range tests {
		spec := tagged(reg, "app", "v1")
		spec.LayerSelector = test.selector
		r.create(name, spec)
		if body := download(t, r.until(name, exposes(p.revision("v1")))); string(body) != string(p.layers[test.layer].bytes) {
			t.Errorf("%s: not the bytes of layer %d", name, test.layer)
		}
	}
	for name, selector := range map[string]*v1.OCILayerSelector{
		"no-such-type":   {MediaType: typeHelmLayer},
		"extract-no-tar": {MediaType: "application/octet-stream", Operation: v1.LayerExtract},
	} {
		spec := tagged(reg, "app", "v1")
		spec.LayerSelector = selector
		r.create(name, spec)
		if o := r.until(name, fails(v1.ReasonLayerOperationFailed)); o.Status.Artifact != nil {
			t.Errorf("%s: an artifact is advertised", name)
		}
	}
}

// Nothing is done for a suspended object but to answer who asks, and nothing is taken away.
func TestSuspend(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	spec := tagged(reg, "app", "v1")
	spec.Interval = often()
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", spec)
	before := r.until("app", exposes(first.revision("v1")))
	generation := r.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = true })
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	request := r.poll("app").Status.LastHandledReconcileAt

	never := spec
	never.Suspend = true
	r.create("never", never)

	// Another object's polls tell that more than one interval has gone by.
	spec.Reference = &v1.OCIRepositoryRef{Tag: "v2"}
	push(t, reg, "app", folder("a.yaml", "b\n"), "v2")
	r.create("other", spec)
	r.until("other", want{"ready", isReady})
	polls := reg.Proxy.Counts().Of("HEAD", proxy.Manifest)
	if _, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Of("HEAD", proxy.Manifest) >= polls+3 }); err != nil {
		t.Fatal(err)
	}
	now := r.get("app")
	expected := *before.Status.DeepCopy()
	expected.ObservedGeneration, expected.LastHandledReconcileAt = generation, request
	for i := range expected.Conditions {
		expected.Conditions[i].ObservedGeneration = generation
	}
	if diff := cmp.Diff(expected, now.Status); diff != "" {
		t.Errorf("status of a suspended object (-want +now):\n%s", diff)
	}
	download(t, now)
	if never := r.get("never"); len(never.Status.Conditions) > 0 || never.Status.Artifact != nil {
		t.Errorf("a suspended object has a status: %s", summary(never))
	}
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Suspend = false })
	r.until("app", exposes(second.revision("v1")))
}

// A request is answered at once, however long the interval is, and the answer names it.
func TestRequestIsAnswered(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(first.revision("v1")))
	polls := reg.Proxy.Counts()
	r.poll("app")
	want := map[string]int{"HEAD manifest": 1}
	if diff := cmp.Diff(want, reg.Proxy.Counts().Sub(polls).Requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	r.poll("app")
	if told := r.told("app"); len(told) != 1 {
		t.Errorf("events for a request: %q", told)
	}
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	o := r.poll("app")
	if !exposes(second.revision("v1")).is(o) {
		t.Errorf("answered with %s", summary(o))
	}
	reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Status: 500})
	if o = r.poll("app"); isReady(o) {
		t.Errorf("a failure is an answer too, not %s", summary(o))
	}
}

// A new generation is answered by one write that tells of it, also where nothing else has changed.
func TestGenerations(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(p.revision("v1")))
	generation := r.change("app", func(o *v1.OCIRepository) { o.Spec.Interval.Duration *= 2 })
	o := r.until("app", exposes(p.revision("v1")))
	if generation != 2 || o.Status.ObservedGeneration != 2 {
		t.Errorf("generation %d, observed %d", generation, o.Status.ObservedGeneration)
	}
	polls := reg.Proxy.Counts()
	r.change("app", func(o *v1.OCIRepository) { o.Labels = map[string]string{"a": "b"} })
	r.poll("app")
	if told := r.told("app"); len(told) != 1 {
		t.Errorf("events for a new interval: %q", told)
	}
	if n := reg.Proxy.Counts().Sub(polls).Of("HEAD", proxy.Manifest); n != 1 {
		t.Errorf("%d polls for a label and a request", n)
	}
}

// The registry has as long as the spec says, and not the default minute.
func TestTimeout(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	for name, fault := range map[string]proxy.Fault{
		"no-answer":   {Method: "HEAD", Action: proxy.Hang},
		"half-a-blob": {Method: "GET", Path: blobPath, Action: proxy.Stall, At: 20},
	} {
		silent := reg.Proxy.During(t, fault)
		spec := tagged(reg, "app", "v1")
		spec.Timeout = &v1.Duration{Duration: often().Duration / 4}
		r.create(name, spec)
		r.until(name, fails(v1.ReasonPullFailed))
		silent.Remove()
		r.until(name, exposes(p.revision("v1")))
	}
}

// Consumers look at the artifact, never at conditions: one that has to be verified from now on and cannot be is taken away.
func TestVerifyWithdraws(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	served := r.until("app", exposes(p.revision("v1"))).Status
	r.change("app", func(o *v1.OCIRepository) {
		o.Spec.Verify = &v1.Verification{Provider: "cosign", SecretRef: &v1.LocalObjectReference{Name: "cosign-key"}}
	})
	o := r.until("app", fails(v1.ReasonVerificationError))
	if o.Status.Artifact != nil || o.Status.URL != "" {
		t.Errorf("still advertised: %+v", o.Status)
	}
	untilGone(t, served.Artifact.URL)
	untilGone(t, served.URL)
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Verify = nil })
	download(t, r.until("app", exposes(p.revision("v1"))))
}
