package agent_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// scene is an object that is exposed already when something goes wrong.
type scene struct {
	*room
	t      *testing.T
	reg    *registry.Registry
	first  pushed
	undo   func() // ends the trouble
	latest pushed // what is to be exposed when it has ended
}

// trouble is something that goes wrong with a scene, and what the object says of it.
type trouble struct {
	cause    func(*scene)
	reason   string
	says     string
	terminal bool // nobody tries again before the object changes
	outdated bool // a newer revision is known
}

// Whatever goes wrong: the object says why, the last good artifact stays advertised and served, and when the trouble ends all is
// well again and somebody is told.
func TestTrouble(t *testing.T) {
	t.Parallel()
	for name, trouble := range troubles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			before := s.get("app").Status
			trouble.cause(s)
			o := s.until("app", fails(trouble.reason))
			checkTrouble(t, o, trouble)
			if trouble.terminal {
				s.checkStalled(t)
			}
			if o.Status.Artifact == nil || o.Status.Artifact.Revision != before.Artifact.Revision {
				t.Fatalf("the last good artifact is lost: %s", summary(o))
			}
			download(t, o)
			e := s.untilEvent("app", corev1.EventTypeWarning, trouble.reason, nil)
			if !strings.Contains(e.Note, trouble.says) {
				t.Errorf("the event notes %q", e.Note)
			}
			s.undo()
			s.ask("app")
			s.until("app", exposes(s.latest.revision("v1")))
			recovered := v1.ReasonSucceeded
			if s.latest.Digest != s.first.Digest {
				recovered = v1.ReasonNewArtifact
			}
			s.untilEvent("app", corev1.EventTypeNormal, recovered, nil)
		})
	}
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{room: newRoom(t), t: t, reg: registry.For(t, registry.Options{})}
	s.first = push(t, s.reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	s.latest = s.first
	spec := tagged(s.reg, "app", "v1")
	spec.Timeout = &v1.Duration{Duration: 5 * time.Second}
	s.create("app", spec)
	s.until("app", exposes(s.first.revision("v1")))
	return s
}

// checkStalled has somebody ask for a poll of an object that cannot be polled: it is answered, and the registry is left alone.
func (s *scene) checkStalled(t *testing.T) {
	t.Helper()
	before := s.reg.Proxy.Counts()
	if o := s.poll("app"); condition(o, v1.ConditionStalled) == nil {
		t.Errorf("a request makes it %s", summary(o))
	}
	if n := s.reg.Proxy.Counts().Sub(before).Of("", ""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
}

func checkTrouble(t *testing.T, o *v1.OCIRepository, want trouble) {
	t.Helper()
	kind := v1.ConditionReconciling
	if want.terminal {
		kind = v1.ConditionStalled
	}
	if condition(o, kind) == nil || condition(o, v1.ConditionFetchFailed) == nil {
		t.Errorf("%s and FetchFailed are due, not %s", kind, summary(o))
	}
	if outdated := condition(o, v1.ConditionArtifactOutdated) != nil; outdated != want.outdated {
		t.Errorf("ArtifactOutdated is %t", outdated)
	}
	if message := messageOf(o); !strings.Contains(message, want.says) {
		t.Errorf("it says %q, want %q", message, want.says)
	}
}

func troubles() map[string]trouble {
	return map[string]trouble{
		"malformed-url":      {cause: toURL("oci://UPPER CASE/app"), reason: v1.ReasonURLInvalid, says: `"oci://UPPER CASE/app"`, terminal: true},
		"malformed-path":     {cause: toURL("oci://example.com/App"), reason: v1.ReasonURLInvalid, says: `repository "App"`, terminal: true},
		"tag-in-url":         {cause: appended(":v1"), reason: v1.ReasonURLInvalid, says: "spec.ref", terminal: true},
		"digest-in-url":      {cause: appended("@sha256:" + strings.Repeat("0", 64)), reason: v1.ReasonURLInvalid, says: "spec.ref", terminal: true},
		"malformed-digest":   {cause: ref(v1.OCIRepositoryRef{Digest: "sha256:123"}), reason: v1.ReasonReadOperationFailed, says: "spec.ref.digest", terminal: true},
		"malformed-range":    {cause: ref(v1.OCIRepositoryRef{SemVer: "newest"}), reason: v1.ReasonReadOperationFailed, says: "spec.ref.semver", terminal: true},
		"malformed-filter":   {cause: ref(v1.OCIRepositoryRef{SemVer: "1.x", SemverFilter: "("}), reason: v1.ReasonReadOperationFailed, says: "spec.ref.semverFilter", terminal: true},
		"malformed-tag":      {cause: ref(v1.OCIRepositoryRef{Tag: "no tag"}), reason: v1.ReasonReadOperationFailed, says: "spec.ref.tag", terminal: true},
		"endless-tag":        {cause: ref(v1.OCIRepositoryRef{Tag: strings.Repeat("x", 3000)}), reason: v1.ReasonReadOperationFailed, says: "spec.ref.tag", terminal: true},
		"path-in-tag":        {cause: ref(v1.OCIRepositoryRef{Tag: "../../other/manifests/v1"}), reason: v1.ReasonReadOperationFailed, says: "spec.ref.tag", terminal: true},
		"secret-missing":     {cause: secret("", "{}"), reason: v1.ReasonAuthenticationFailed, says: `regcred": there is none`},
		"secret-of-no-use":   {cause: secret(corev1.SecretTypeOpaque, "{}"), reason: v1.ReasonAuthenticationFailed, says: `its type is "Opaque"`},
		"secret-malformed":   {cause: secret(corev1.SecretTypeDockerConfigJson, `{"auths":"s3cr3t"}`), reason: v1.ReasonAuthenticationFailed, says: "not of the form"},
		"registry-not-there": {cause: toURL("oci://127.0.0.1:1/app"), reason: v1.ReasonPullFailed, says: "connection refused"},
		"unknown-host":       {cause: toURL("oci://registry.example.com/app"), reason: v1.ReasonPullFailed, says: "registry.example.com"},
		"http-to-tls":        {cause: toTLS, reason: v1.ReasonPullFailed, says: "certificate"},
		"tls-to-http":        {cause: toHTTP, reason: v1.ReasonPullFailed, says: "HTTP response to HTTPS client"},
		"401":                {cause: answer("HEAD", http.StatusUnauthorized), reason: v1.ReasonAuthenticationFailed, says: "401"},
		"403":                {cause: answer("HEAD", http.StatusForbidden), reason: v1.ReasonAuthenticationFailed, says: "403"},
		"404":                {cause: answer("HEAD", http.StatusNotFound), reason: v1.ReasonPullFailed, says: "404"},
		"500":                {cause: answer("HEAD", http.StatusInternalServerError), reason: v1.ReasonPullFailed, says: "500"},
		"503":                {cause: answer("HEAD", http.StatusServiceUnavailable), reason: v1.ReasonPullFailed, says: "503"},
		"connection-reset":   {cause: fault(proxy.Fault{Method: "HEAD", Action: proxy.Reset}), reason: v1.ReasonPullFailed, says: ""},
		"tag-deleted":        {cause: deleteTag, reason: v1.ReasonPullFailed, says: "not found"},

		"manifest-401":  {cause: moved(answer("GET", http.StatusUnauthorized)), reason: v1.ReasonAuthenticationFailed, says: "401", outdated: true},
		"manifest-flip": {cause: moved(fault(proxy.Fault{Method: "GET", Action: proxy.Flip, At: 30})), reason: v1.ReasonPullFailed, says: "digest", outdated: true},
		"blob-404":      {cause: moved(fault(proxy.Fault{Method: "GET", Path: blobPath, Status: http.StatusNotFound})), reason: v1.ReasonPullFailed, says: "404", outdated: true},
		"blob-flip":     {cause: moved(fault(proxy.Fault{Method: "GET", Path: blobPath, Action: proxy.Flip, At: 30})), reason: v1.ReasonPullFailed, says: "sha256", outdated: true},
		"blob-cut":      {cause: moved(fault(proxy.Fault{Method: "GET", Path: blobPath, Action: proxy.Reset, At: 30})), reason: v1.ReasonPullFailed, says: "", outdated: true},

		"no-gzip":     {cause: pushes([]byte("no archive")), reason: v1.ReasonLayerOperationFailed, says: "not an archive", outdated: true},
		"empty":       {cause: pushes(nil), reason: v1.ReasonLayerOperationFailed, says: "", outdated: true},
		"half-gzip":   {cause: pushes(archive("a.yaml", noise(1000))[:700]), reason: v1.ReasonLayerOperationFailed, says: "", outdated: true},
		"gzip-no-tar": {cause: pushes(compress([]byte(noise(1000)))), reason: v1.ReasonLayerOperationFailed, says: "tar", outdated: true},
		"way-out":     {cause: pushes(archive("../a.yaml", "a: 2\n")), reason: v1.ReasonLayerOperationFailed, says: "../a.yaml", outdated: true},
		"absolute":    {cause: pushes(archive("/a.yaml", "a: 2\n")), reason: v1.ReasonLayerOperationFailed, says: "/a.yaml", outdated: true},
		"annotations": {cause: pushesContent(verbose()), reason: v1.ReasonPullFailed, says: "annotations", outdated: true},
		"no-layers":   {cause: pushesContent(content{}), reason: v1.ReasonLayerOperationFailed, says: "layer", outdated: true},
		"no-platform": {cause: pushesIndex, reason: v1.ReasonPullFailed, says: "platform", outdated: true},
	}
}

// edited is a change of the object that is undone in the end.
func edited(edit func(*scene, *v1.OCIRepositorySpec)) func(*scene) {
	return func(s *scene) {
		before := s.get("app").Spec
		s.change("app", func(o *v1.OCIRepository) { edit(s, &o.Spec) })
		s.undo = func() { s.change("app", func(o *v1.OCIRepository) { o.Spec = before }) }
	}
}

func toURL(url string) func(*scene) {
	return edited(func(_ *scene, spec *v1.OCIRepositorySpec) { spec.URL = url })
}

func appended(more string) func(*scene) {
	return edited(func(_ *scene, spec *v1.OCIRepositorySpec) { spec.URL += more })
}

func ref(ref v1.OCIRepositoryRef) func(*scene) {
	return edited(func(_ *scene, spec *v1.OCIRepositorySpec) { spec.Reference = &ref })
}

// secret refers to a Secret of this type, or to none where the type is empty.
func secret(kind corev1.SecretType, value string) func(*scene) {
	return func(s *scene) {
		if kind != "" {
			s.secret("regcred", kind, corev1.DockerConfigJsonKey, value)
		}
		edited(func(_ *scene, spec *v1.OCIRepositorySpec) { spec.SecretRef = &v1.LocalObjectReference{Name: "regcred"} })(s)
	}
}

// toTLS speaks plain HTTP, after TLS, to a registry whose certificate nobody vouches for.
func toTLS(s *scene) {
	secure := registry.For(s.t, registry.Options{TLS: true})
	toURL("oci://" + secure.Host + "/app")(s)
}

// toHTTP speaks TLS to a registry that speaks none.
func toHTTP(s *scene) {
	outside.Route("http.example.com", s.reg.Host)
	toURL("oci://http.example.com/app")(s)
}

// fault is something wrong with the registry from the next poll on.
func fault(f proxy.Fault) func(*scene) {
	return func(s *scene) {
		s.undo = s.reg.Proxy.During(s.t, f).Remove
		s.ask("app")
	}
}

func answer(method string, status int) func(*scene) {
	return fault(proxy.Fault{Method: method, Status: status})
}

// moved has the tag move first, so that the trouble is with another artifact than the one that is exposed.
func moved(then func(*scene)) func(*scene) {
	return func(s *scene) {
		s.latest = push(s.t, s.reg, "app", folder("a.yaml", "a: 2\n"+noise(100)), "v1")
		then(s)
	}
}

func pushes(layerBytes []byte) func(*scene) {
	return pushesContent(content{layers: []layer{{typeLayer, layerBytes}}})
}

// pushesContent pushes something of no use, and something better in the end.
func pushesContent(c content) func(*scene) {
	return func(s *scene) {
		push(s.t, s.reg, "app", c, "v1")
		s.undo = func() { s.latest = push(s.t, s.reg, "app", folder("a.yaml", "a: 3\n"), "v1") }
		s.ask("app")
	}
}

// verbose is an artifact whose annotations would not fit into a status.
func verbose() content {
	c := folder("a.yaml", "a: 2\n")
	c.annotations = map[string]string{"a": strings.Repeat("x", 300<<10)}
	return c
}

// pushesIndex pushes an index in which there is nothing for everybody.
func pushesIndex(s *scene) {
	a := push(s.t, s.reg, "app", folder("a.yaml", "arm\n"))
	b := push(s.t, s.reg, "app", folder("a.yaml", "riscv\n"))
	pushIndex(s.t, s.reg, "app", []descriptor{on("arm64", a.descriptor), on("riscv64", b.descriptor)}, "v1")
	s.undo = func() { s.latest = push(s.t, s.reg, "app", folder("a.yaml", "a: 3\n"), "v1") }
	s.ask("app")
}

func deleteTag(s *scene) {
	deleteManifest(s.t, s.reg, "app", s.first.Digest)
	s.undo = func() { push(s.t, s.reg, "app", folder("a.yaml", "a: 1\n"), "v1") }
	s.ask("app")
}
