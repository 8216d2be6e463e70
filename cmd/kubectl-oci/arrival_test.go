package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

const (
	pushedDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	otherDigest  = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// What the two objects say decides how the wait ends; what they say of other artifacts, of a generation before or of troubles that pass
// decides nothing.
func TestArrivalJudges(t *testing.T) {
	t.Parallel()
	const before = `"lastAppliedRevision":"main@` + otherDigest + `","lastAttemptedRevision":"main@` + otherDigest + `"`
	for name, test := range map[string]struct {
		kustomization, source string // status, with conditions as in Ready=False:Reason
		unasked               bool
		want                  string // error; empty: it goes on
		rejected              bool
	}{
		"applied":                {kustomization: `"lastAppliedRevision":"main@` + pushedDigest + `" Ready=True:ReconciliationSucceeded`, want: "it was applied"},
		"applied, pinned":        {kustomization: `"lastAppliedRevision":"` + pushedDigest + `" Ready=True:ReconciliationSucceeded`, want: "it was applied"},
		"applied, not observed":  {kustomization: `"observedGeneration":1,"lastAppliedRevision":"main@` + pushedDigest + `" Ready=True:ReconciliationSucceeded`},
		"applied, again at work": {kustomization: `"lastAppliedRevision":"main@` + pushedDigest + `" Ready=Unknown:Progressing`},
		"another was applied":    {kustomization: before + ` Ready=True:ReconciliationSucceeded`},
		"nothing known":          {},
		"the build fails": {kustomization: `"lastAttemptedRevision":"main@` + pushedDigest + `" Ready=False:BuildFailed`,
			want: "BuildFailed: because of " + pushedDigest, rejected: true},
		"fails before the build": {kustomization: before + ` Ready=False:ArtifactFailed Reconciling=True:ProgressingWithRetry`,
			want: "ArtifactFailed: because of " + pushedDigest, rejected: true},
		"failed on another":         {kustomization: before + ` Ready=False:BuildFailed`},
		"failed before the spec":    {kustomization: `"lastAttemptedRevision":"main@` + pushedDigest + `" old:Ready=False:BuildFailed`},
		"a dependency is not ready": {kustomization: `"lastAttemptedRevision":"main@` + pushedDigest + `" Ready=False:DependencyNotReady`},
		"checks begin anew":         {kustomization: `"lastAttemptedRevision":"main@` + pushedDigest + `" Ready=False:HealthCheckCanceled`},

		"the source has it":         {source: `"lastHandledReconcileAt":"mine","artifact":{"revision":"main@` + pushedDigest + `"} Ready=True:Succeeded`},
		"the source has another":    {source: `"lastHandledReconcileAt":"mine","artifact":{"revision":"v2@` + otherDigest + `"} Ready=True:Succeeded`, want: "ocirepository/app has looked, and follows another artifact: v2@" + otherDigest},
		"it has not looked yet":     {source: `"lastHandledReconcileAt":"before","artifact":{"revision":"v2@` + otherDigest + `"} Ready=True:Succeeded`},
		"nobody asked it":           {source: `"artifact":{"revision":"v2@` + otherDigest + `"} Ready=True:Succeeded`, unasked: true},
		"it waits for a window":     {source: `"lastHandledReconcileAt":"mine","artifact":{"revision":"v2@` + otherDigest + `"} Ready=True:Succeeded UpdatePending=True:WindowClosed`},
		"the source refuses it":     {source: `"lastHandledReconcileAt":"mine" Ready=False:VerificationError`, want: "ocirepository/app: VerificationError: because of " + pushedDigest, rejected: true},
		"it refuses it unasked":     {source: ` Ready=False:VerificationError`, unasked: true, want: "ocirepository/app: VerificationError: because of " + pushedDigest, rejected: true},
		"it failed before":          {source: `"lastHandledReconcileAt":"before" other:Ready=False:OCIArtifactPullFailed`},
		"it failed on its old spec": {source: `"lastHandledReconcileAt":"mine" old:other:Ready=False:OCIArtifactPullFailed`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &arrival{digest: pushedDigest, source: &v1.OCIRepository{}, applier: &applier{}}
			filled(t, "app", test.source, "", a.source)
			filled(t, "app", test.kustomization, `"sourceRef":{"kind":"OCIRepository","name":"app"}`, a.applier)
			if !test.unasked {
				a.asked = &v1.OCIRepository{}
				a.asked.Annotations = map[string]string{v1.AnnotationReconcileRequest: "mine"}
			}
			err := a.judge()
			if got := fmt.Sprint(err); got != test.want && (err != nil || test.want != "") {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if _, ok := errors.AsType[*rejection](err); ok != test.rejected {
				t.Errorf("rejection: %t", ok)
			}
		})
	}
}

// filled fills into with a status in the form of the test above: fields, and conditions after them.
func filled(t *testing.T, name, status, spec string, into any) {
	t.Helper()
	fields, conditions, _ := strings.Cut(status, " ")
	var all []string
	for condition := range strings.FieldsSeq(conditions) {
		generation, about := 2, pushedDigest
		if rest, ok := strings.CutPrefix(condition, "old:"); ok {
			condition, generation = rest, 1
		}
		if rest, ok := strings.CutPrefix(condition, "other:"); ok {
			condition, about = rest, otherDigest
		}
		kind, rest, _ := strings.Cut(condition, "=")
		state, reason, _ := strings.Cut(rest, ":")
		all = append(all, fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q,"observedGeneration":%d,"message":"because\nof %s"}`, kind, state, reason, generation, about))
	}
	if !strings.Contains(fields, "observedGeneration") {
		fields = strings.TrimSuffix(`"observedGeneration":2,`+fields, ",")
	}
	text := fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"apps","generation":2},"spec":{%s},"status":{%s,"conditions":[%s]}}`,
		name, spec, fields, strings.Join(all, ","))
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// What is suspended while it is waited for has no end.
func TestArrivalOfSuspended(t *testing.T) {
	t.Parallel()
	a := &arrival{digest: pushedDigest, source: &v1.OCIRepository{}, applier: &applier{}}
	a.source.Name, a.source.Spec.Suspend, a.applier.Spec.SourceRef.Kind = "app", true, v1.KindOCIRepository
	if err := a.judge(); err == nil || err.Error() != "ocirepository/app was suspended meanwhile" {
		t.Errorf("got %v", err)
	}
	a.applier.Spec.Suspend = true
	if err := a.judge(); err == nil || err.Error() != "it is suspended: spec.suspend is true" {
		t.Errorf("got %v", err)
	}
}

// A digest is the whole end of a revision.
func TestNames(t *testing.T) {
	t.Parallel()
	for revision, want := range map[string]bool{
		pushedDigest: true, "main@" + pushedDigest: true, "v1.0.0@" + otherDigest: false, "": false, "x" + pushedDigest: false, pushedDigest + "0": false,
	} {
		if names(revision, digest.Digest(pushedDigest)) != want {
			t.Errorf("%q: got %t", revision, !want)
		}
	}
}

// What follows another repository or another tag is refused before anything is sent, and the error says what it follows.
func TestReaches(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		url, tag, semver string
		suspend          bool
		want             string
	}{
		"tag":                  {url: "oci://docker.io/org/app", tag: "v1.1.0"},
		"another name of it":   {url: "oci://index.docker.io/org/app", tag: "main"},
		"without the prefix":   {url: "docker.io/org/app", tag: "main"},
		"range":                {url: "oci://docker.io/org/app", semver: ">=1.0.0"},
		"another repository":   {url: "oci://docker.io/org/other", tag: "main", want: "its source ocirepository/app follows docker.io/org/other, and not docker.io/org/app"},
		"another registry":     {url: "oci://ghcr.io/org/app", tag: "main", want: "its source ocirepository/app follows ghcr.io/org/app, and not docker.io/org/app"},
		"another tag":          {url: "oci://docker.io/org/app", tag: "stable", want: `its source ocirepository/app follows the tag "stable", which never leads to the tag v1.1.0 or main`},
		"the default tag":      {url: "oci://docker.io/org/app", want: `its source ocirepository/app follows the tag "latest", which never leads to the tag v1.1.0 or main`},
		"another range":        {url: "oci://docker.io/org/app", semver: "2.x", want: `its source ocirepository/app follows the range "2.x", which never leads to the tag v1.1.0 or main`},
		"no range":             {url: "oci://docker.io/org/app", semver: "newest", want: `its source ocirepository/app: parse spec.ref.semver "newest": it is no range of versions, such as >=1.0.0 <2.0.0 or 1.2.x`},
		"suspended":            {url: "oci://docker.io/org/app", tag: "main", suspend: true, want: "its source ocirepository/app is suspended"},
		"an address that none": {url: "oci://docker.io/org/app:main", want: `its source ocirepository/app: parse url "oci://docker.io/org/app:main": it holds a tag or a digest: write oci://docker.io/org/app, and the rest into spec.ref`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &v1.OCIRepository{}
			o.Name, o.Spec.URL, o.Spec.Suspend = "app", test.url, test.suspend
			o.Spec.Reference = &v1.OCIRepositoryRef{Tag: test.tag, SemVer: test.semver}
			err := reaches(o, registry.Reference{Registry: "docker.io", Repository: "org/app"}, []string{"v1.1.0", "main"})
			if (err != nil || test.want != "") && fmt.Sprint(err) != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestWaitForTarget(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"": "", "kustomization/app": "app", "ks/app": "app", "Kustomizations.kustomize.toolkit.fluxcd.io/app": "app",
		"kustomization.v1.kustomize.toolkit.fluxcd.io/app": "app",
		"app": "error", "kustomization/": "error", "kustomization/a/b": "error", "kustomization/..": "error", "kustomization/%2e": "error",
		"deployment/app": "error", "kustomization.kustomize.config.k8s.io/app": "error",
	} {
		w := &waitFor{target: target, patience: time.Minute}
		if err := w.validate(false); err != nil {
			w.name = "error"
		}
		if w.name != want {
			t.Errorf("%q: got %q", target, w.name)
		}
	}
}
