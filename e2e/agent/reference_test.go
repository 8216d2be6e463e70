package agent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Every way to refer to an artifact leads to one, under the revision that consumers expect.
func TestReferences(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	apps := map[string]pushed{}
	for _, tag := range []string{"latest", "v1.0.0", "v1.2.0", "1.10.0", "1.11.0-rc.1", "2.0.0", "9.9", "main"} {
		apps[tag] = push(t, reg, "org/app", folder("a.yaml", "tag: "+tag+"\n"), tag)
	}
	arm := push(t, reg, "org/app", folder("a.yaml", "arm\n"))
	index := pushIndex(t, reg, "org/app", []descriptor{
		on("arm64", arm.descriptor), on("amd64", apps["main"].descriptor),
	}, "platforms")
	docker := push(t, reg, "org/app", content{mediaType: typeDocker, layers: []layer{{typeDockerLayer, archive("a.yaml", "docker\n")}}}, "v2s2")
	chart := push(t, reg, "org/chart", content{layers: []layer{{typeHelmLayer, archive("app/Chart.yaml", "name: app\n")}}}, "1.0.0_build.7")

	helm := &v1.OCILayerSelector{MediaType: typeHelmLayer, Operation: v1.LayerCopy}
	tests := map[string]struct {
		repository string
		ref        *v1.OCIRepositoryRef
		selector   *v1.OCILayerSelector
		prefix     string
		revision   string
		layer      []byte
	}{
		"tag":           {ref: &v1.OCIRepositoryRef{Tag: "v1.0.0"}, revision: apps["v1.0.0"].revision("v1.0.0"), layer: apps["v1.0.0"].layers[0].bytes},
		"no-ref":        {ref: nil, revision: apps["latest"].revision("latest")},
		"empty-ref":     {ref: &v1.OCIRepositoryRef{}, revision: apps["latest"].revision("latest")},
		"no-prefix":     {prefix: "none", ref: &v1.OCIRepositoryRef{Tag: "v1.0.0"}, revision: apps["v1.0.0"].revision("v1.0.0")},
		"digest":        {ref: &v1.OCIRepositoryRef{Digest: apps["main"].Digest}, revision: apps["main"].Digest},
		"semver":        {ref: &v1.OCIRepositoryRef{SemVer: "1.x"}, revision: apps["1.10.0"].revision("1.10.0")},
		"semver-v":      {ref: &v1.OCIRepositoryRef{SemVer: "~1.2.0"}, revision: apps["v1.2.0"].revision("v1.2.0")},
		"semver-range":  {ref: &v1.OCIRepositoryRef{SemVer: ">=1.0.0 <1.2.0"}, revision: apps["v1.0.0"].revision("v1.0.0")},
		"semver-rc":     {ref: &v1.OCIRepositoryRef{SemVer: ">=1.11.0-0 <2.0.0"}, revision: apps["1.11.0-rc.1"].revision("1.11.0-rc.1")},
		"semver-three":  {ref: &v1.OCIRepositoryRef{SemVer: "*"}, revision: apps["2.0.0"].revision("2.0.0")},
		"semver-filter": {ref: &v1.OCIRepositoryRef{SemVer: ">=1.0.0", SemverFilter: "^v"}, revision: apps["v1.2.0"].revision("v1.2.0")},
		"digest-wins":   {ref: &v1.OCIRepositoryRef{Digest: apps["main"].Digest, SemVer: "1.x", Tag: "latest"}, revision: apps["main"].Digest},
		"semver-wins":   {ref: &v1.OCIRepositoryRef{SemVer: "2.x", Tag: "latest"}, revision: apps["2.0.0"].revision("2.0.0")},
		"index":         {ref: &v1.OCIRepositoryRef{Tag: "platforms"}, revision: "platforms@" + index.Digest, layer: apps["main"].layers[0].bytes},
		"docker":        {ref: &v1.OCIRepositoryRef{Tag: "v2s2"}, revision: docker.revision("v2s2"), layer: docker.layers[0].bytes},
		"helm-chart": {repository: "org/chart", ref: &v1.OCIRepositoryRef{SemVer: "1.x"}, selector: helm,
			revision: chart.revision("1.0.0_build.7"), layer: chart.layers[0].bytes},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.repository == "" {
				test.repository = "org/app"
			}
			spec := at(reg, test.repository)
			if test.prefix == "none" {
				spec.URL = reg.Host + "/" + test.repository
			}
			spec.Reference, spec.LayerSelector = test.ref, test.selector
			r.create(name, spec)
			o := r.until(name, exposes(test.revision))
			if body := download(t, o); test.layer != nil && string(body) != string(test.layer) {
				t.Error("not the bytes of the layer")
			}
		})
	}
}

// on is a child of an index.
func on(architecture string, d descriptor) descriptor {
	d.Platform = map[string]string{"os": "linux", "architecture": architecture}
	return d
}

func TestTagIsFollowed(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	spec := tagged(reg, "app", "v1")
	spec.Interval = often()
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", spec)
	before := r.until("app", exposes(first.revision("v1")))
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1")
	after := r.until("app", exposes(second.revision("v1")))
	download(t, after)
	r.poll("app")
	download(t, before) // a consumer that learned of it a moment ago still gets it
	if got := after.Status.Artifact.LastUpdateTime; got.Before(&before.Status.Artifact.LastUpdateTime) {
		t.Errorf("last updated at %v, before %v", got, before.Status.Artifact.LastUpdateTime)
	}
}

func TestSemverFollowsNewTags(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "1.0.0", "other")
	spec := at(reg, "app")
	spec.Reference = &v1.OCIRepositoryRef{SemVer: "2.x"}
	r.create("app", spec)
	r.until("app", fails(v1.ReasonReadOperationFailed))
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Reference.SemVer, o.Spec.Interval = ">=1.0.0", often() })
	r.until("app", exposes(first.revision("1.0.0")))
	second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "1.0.1")
	r.until("app", exposes(second.revision("1.0.1")))
}

// A digest never means anything else: whoever pins one costs the registry nothing.
func TestDigestIsNotPolled(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"))
	spec := at(reg, "app")
	spec.Reference = &v1.OCIRepositoryRef{Digest: p.Digest}
	r.create("app", spec)
	r.until("app", exposes(p.Digest))
	for range 3 {
		r.poll("app")
	}
	want := map[string]int{"GET ping": 1, "GET manifest": 1, "GET blob": 1}
	if diff := cmp.Diff(want, reg.Proxy.Counts().Requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// The same artifact in another repository is another source, from which a replica may have to fetch it again: the credential must
// suffice there, and the status must say so.
func TestSameDigestElsewhere(t *testing.T) {
	t.Parallel()
	for name, ref := range map[string]func(pushed) *v1.OCIRepositoryRef{
		"tag":    func(pushed) *v1.OCIRepositoryRef { return &v1.OCIRepositoryRef{Tag: "v1"} },
		"digest": func(p pushed) *v1.OCIRepositoryRef { return &v1.OCIRepositoryRef{Digest: p.Digest} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			reg := registry.For(t, registry.Options{})
			p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
			push(t, reg, "mirror", folder("a.yaml", "a: 1\n"), "v1")
			spec := at(reg, "app")
			spec.Reference = ref(p)
			r.create("app", spec)
			r.until("app", want{"ready", isReady})
			r.change("app", func(o *v1.OCIRepository) { o.Spec.URL = at(reg, "mirror").URL })
			o := r.until("app", want{"ready", isReady})
			if got, want := o.Status.Artifact.Metadata[v1.MetadataSource], reg.Host+"/mirror@"+p.Digest; got != want {
				t.Errorf("source is %q, want %q", got, want)
			}
			r.change("app", func(o *v1.OCIRepository) { o.Spec.URL = at(reg, "nothing/there").URL })
			r.until("app", fails(v1.ReasonPullFailed))
		})
	}
}
