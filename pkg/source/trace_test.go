package source

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Each tag is told, in the order of versions, with the reason why it lost; and it is the choice of a run without a trace.
func TestTraceOfTags(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	content := pack(t, map[string]string{"a.yaml": "a: 1"})
	for _, tag := range []string{"v1.0.0", "1.1.0", "v1.1.0", "v1.2.0-rc.1", "v2.0.0", "latest", "x1.1.5", "1.0"} {
		b.pushLayer(tag, content, map[string]string{"tag": tag})
	}
	for name, tc := range map[string]struct {
		ref  v1.OCIRepositoryRef
		want []string
		by   string
	}{
		"range": {v1.OCIRepositoryRef{SemVer: ">=1.0.0 <2.0.0"}, []string{
			"v1.1.0: " + whyChosen, "v2.0.0: " + whyOutside, "v1.2.0-rc.1: " + whyPrerelease, "1.1.0: " + whyTwin, "v1.0.0: " + whyOlder,
			"1.0: " + whyNoVersion, "latest: " + whyNoVersion, "x1.1.5: " + whyNoVersion,
		}, "semver"},
		"filter": {v1.OCIRepositoryRef{SemVer: "1.x", SemverFilter: "^[0-9]"}, []string{
			"1.1.0: " + whyChosen, "v2.0.0: " + whyFiltered, "v1.2.0-rc.1: " + whyFiltered, "v1.1.0: " + whyFiltered, "v1.0.0: " + whyFiltered,
			"1.0: " + whyNoVersion, "latest: " + whyNoVersion, "x1.1.5: " + whyNoVersion,
		}, "semver"},
		"nothing": {v1.OCIRepositoryRef{SemVer: ">=3.0.0"}, []string{
			"v2.0.0: " + whyOutside, "v1.2.0-rc.1: " + whyOutside, "1.1.0: " + whyOutside, "v1.1.0: " + whyOutside, "v1.0.0: " + whyOutside,
			"1.0: " + whyNoVersion, "latest: " + whyNoVersion, "x1.1.5: " + whyNoVersion,
		}, "semver"},
		"tag":    {v1.OCIRepositoryRef{Tag: "v1.0.0"}, nil, "tag"},
		"empty":  {v1.OCIRepositoryRef{}, nil, "default"},
		"digest": {v1.OCIRepositoryRef{Digest: "sha256:" + strings.Repeat("0", 64), SemVer: "1.x"}, nil, "digest"},
	} {
		req := Request{Key: key, Spec: v1.OCIRepositorySpec{URL: b.url(), Reference: &tc.ref}, Trace: &Trace{}}
		traced, err := b.Run(t.Context(), req)
		var got []string
		for _, tag := range req.Trace.Tags {
			got = append(got, tag.Tag+": "+tag.Why)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || req.Trace.By != tc.by {
			t.Errorf("%s: by %q (-want +got):\n%s", name, req.Trace.By, diff)
		}
		req.Trace = nil
		plain, plainErr := b.Run(t.Context(), req)
		if fmt.Sprint(plainErr) != fmt.Sprint(err) || plain.Revision != traced.Revision {
			t.Errorf("%s: without a trace %+v, %v; with one %+v, %v", name, plain, plainErr, traced, err)
		}
	}
}

func TestTraceOfLayers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	content := pack(t, map[string]string{"a.yaml": "a: 1"})
	one, two := b.pushBlob("application/x", "", []byte("x")), b.pushBlob(artifact.LayerOCI, "", content)
	b.pushLayers("v1", one, two, two)
	for mediaType, tc := range map[string]struct {
		chosen int // -1: none
		stored string
	}{
		artifact.LayerOCI: {1, "the layer's own bytes; files: 1"},
		"application/y":   {-1, ""},
	} {
		spec := byTag("v1")
		spec.URL, spec.LayerSelector = b.url(), &v1.OCILayerSelector{MediaType: mediaType}
		trace := &Trace{}
		_, _ = b.Run(t.Context(), Request{Key: key, Spec: spec, Trace: trace})
		if len(trace.Layers) != 3 || trace.Stored != tc.stored || !strings.HasPrefix(trace.Revision, "v1@sha256:") {
			t.Errorf("%s: %+v", mediaType, trace)
			continue
		}
		for i, l := range trace.Layers {
			if l.Chosen != (i == tc.chosen) {
				t.Errorf("%s: layer %d: %+v", mediaType, i, l)
			}
		}
	}
}

func TestTraceOfSignatures(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	trace := &Trace{}
	traced := func(r *Request) { r.Trace = trace }
	if _, err := s.tag("v1", Advertised{}, signers(t, s.you, s.me), traced); err != nil {
		t.Fatal(err)
	}
	if len(trace.Checks) != 1 {
		t.Fatalf("got %+v", trace.Checks)
	}
	c := trace.Checks[0]
	if c.Subject != s.v1.Digest || c.Name != "spec.verify" || c.By != `key "b.pub"` || c.Evidence == "" || c.Error != "" {
		t.Errorf("got %+v", c)
	}
	if diff := cmp.Diff([]string{`key "a.pub"`, `key "b.pub"`}, c.Signers); diff != "" {
		t.Error(diff)
	}
	trace = &Trace{}
	_, err := s.tag("v1", Advertised{}, signers(t, s.you), traced)
	if err == nil || len(trace.Checks) != 1 || trace.Checks[0].Error != err.Error() || trace.Checks[0].Unknown || trace.Layers != nil {
		t.Errorf("got %+v, %v", trace.Checks, err)
	}
}

// What the registry answers to each credential is known afterwards.
func TestTraceOfCredentials(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	for name, status := range map[string]int{"accepted": 0, "not there": http.StatusNotFound, "refused": http.StatusForbidden} {
		b.status.Store(int32(status))
		spec := byTag("v1")
		spec.URL = b.url()
		trace := &Trace{}
		_, _ = b.Run(t.Context(), Request{Key: key, Spec: spec, Trace: trace, Access: registry.Access{Credentials: []registry.Credential{{Username: name}}}})
		if at, ok := trace.Accepted(); ok != (status != http.StatusForbidden) || ok && at != 0 {
			t.Errorf("%s: %d, %t", name, at, ok)
		}
	}
	if _, ok := (&Trace{}).Accepted(); ok {
		t.Error("nobody was asked")
	}
}
