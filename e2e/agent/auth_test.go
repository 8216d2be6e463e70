package agent_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

var alice = registry.User{Name: "alice", Password: "it's secret"}

// eachAuth runs a test against a registry of either kind, of which alice is the only user.
func eachAuth(t *testing.T, test func(t *testing.T, r *room, reg *registry.Registry)) {
	for name, auth := range map[string]registry.Auth{"basic": registry.Basic, "token": registry.Token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newRoom(t), registry.For(t, registry.Options{Auth: auth, Users: []registry.User{alice}}))
		})
	}
}

func private(reg *registry.Registry, secret *v1.LocalObjectReference) v1.OCIRepositorySpec {
	spec := tagged(reg, "org/app", "v1")
	spec.SecretRef = secret
	return spec
}

func TestPullSecret(t *testing.T) {
	t.Parallel()
	eachAuth(t, func(t *testing.T, r *room, reg *registry.Registry) {
		p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
		r.create("app", private(reg, r.pullSecret("regcred", reg.Host, alice.Name, alice.Password)))
		r.until("app", exposes(p.revision("v1")))
		before := reg.Proxy.Counts()
		r.poll("app")
		want := map[string]int{"HEAD manifest": 1}
		if diff := cmp.Diff(want, reg.Proxy.Counts().Sub(before).Requests); diff != "" {
			t.Errorf("a poll sends (-want +got):\n%s", diff)
		}
	})
}

// The Secret is read anew for every poll: one that comes late, or is corrected, takes effect without a change of the object. Until
// then the object says why, and shows no password.
func TestPullSecretComesLate(t *testing.T) {
	t.Parallel()
	eachAuth(t, func(t *testing.T, r *room, reg *registry.Registry) {
		p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
		r.create("app", private(reg, &v1.LocalObjectReference{Name: "regcred"}))
		says := func(text string) want {
			return want{text, func(o *v1.OCIRepository) bool {
				return fails(v1.ReasonAuthenticationFailed).is(o) && strings.Contains(messageOf(o), text)
			}}
		}
		r.until("app", says(`regcred": there is none`))
		r.secret("regcred", corev1.SecretTypeOpaque, corev1.DockerConfigJsonKey, "{}")
		r.until("app", says(`its type is "Opaque"`))
		if err := control.admin.Delete(soon(t), r.secretNamed("regcred")); err != nil {
			t.Fatal(err)
		}
		r.secret("regcred", corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths":"s3cr3t"}`)
		r.until("app", says(`read pull secret: it is not of the form`))
		r.pullSecret("regcred", reg.Host, alice.Name, "wr0ng")
		r.until("app", says("401"))
		r.pullSecret("regcred", "ghcr.io", alice.Name, alice.Password)
		r.until("app", says("authentication required"))
		r.pullSecret("regcred", reg.Host, alice.Name, alice.Password)
		o := r.until("app", exposes(p.revision("v1")))
		r.untilEvent("app", "Normal", v1.ReasonNewArtifact, nil)
		if o.Generation != 1 {
			t.Errorf("generation %d", o.Generation)
		}
		for _, secret := range []string{"s3cr3t", "wr0ng", alice.Password} {
			if story := r.story("app"); strings.Contains(story, secret) {
				t.Errorf("%q is told in\n%s", secret, story)
			}
		}
	})
}

// Rotating a password is: the registry gets the new one, the Secret a moment later.
func TestPasswordIsRotated(t *testing.T) {
	t.Parallel()
	eachAuth(t, func(t *testing.T, r *room, reg *registry.Registry) {
		first := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
		spec := private(reg, r.pullSecret("regcred", reg.Host, alice.Name, alice.Password))
		spec.Interval = often()
		r.create("app", spec)
		r.until("app", exposes(first.revision("v1")))
		if err := reg.SetUsers([]registry.User{{Name: alice.Name, Password: "new"}}); err != nil {
			t.Fatal(err)
		}
		reg.RevokeTokens()
		o := r.until("app", fails(v1.ReasonAuthenticationFailed))
		download(t, o)
		r.pullSecret("regcred", reg.Host, alice.Name, "new")
		r.until("app", exposes(first.revision("v1")))
		r.untilEvent("app", "Normal", v1.ReasonSucceeded, nil)
	})
}

// A registry that lets a user in, but not everywhere.
func TestForbiddenRepository(t *testing.T) {
	t.Parallel()
	bob := registry.User{Name: "bob", Password: "b", Repositories: []string{"bob/"}}
	for name, auth := range map[string]registry.Auth{"basic": registry.Basic, "token": registry.Token} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			reg := registry.For(t, registry.Options{Auth: auth, Users: []registry.User{alice, bob}})
			p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
			r.create("app", private(reg, r.pullSecret("regcred", reg.Host, bob.Name, bob.Password)))
			r.until("app", fails(v1.ReasonAuthenticationFailed))
			r.pullSecret("regcred", reg.Host+"/org", alice.Name, alice.Password)
			r.until("app", exposes(p.revision("v1")))
		})
	}
}

// A certificate that nobody vouches for is accepted where the spec says so, and only there.
func TestInsecureTLS(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{TLS: true, HTTP2: true})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", tagged(reg, "org/app", "v1"))
	o := r.until("app", fails(v1.ReasonPullFailed))
	if message := messageOf(o); !strings.Contains(message, "certificate") {
		t.Errorf("it says %q", message)
	}
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Insecure = true })
	r.until("app", exposes(p.revision("v1")))
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Insecure = false })
	r.until("app", fails(v1.ReasonPullFailed))
}

// Plain HTTP to a host that is not this one is spoken where the spec says so, and only there: else a password could be read on the way.
func TestInsecureHTTP(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{Auth: registry.Basic, Users: []registry.User{alice}})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	outside.Route("plain.example.com", reg.Host)
	spec := private(reg, r.pullSecret("regcred", "plain.example.com", alice.Name, alice.Password))
	spec.URL = "oci://plain.example.com/org/app"
	r.create("app", spec)
	o := r.until("app", fails(v1.ReasonPullFailed))
	if message := messageOf(o); !strings.Contains(message, "HTTP response to HTTPS client") {
		t.Errorf("it says %q", message)
	}
	if n := reg.Proxy.Counts().Of("", ""); n != 0 {
		t.Errorf("%d requests came by plain HTTP", n)
	}
	r.change("app", func(o *v1.OCIRepository) { o.Spec.Insecure = true })
	r.until("app", exposes(p.revision("v1")))
}

// Bytes in the store are no permission: only who fetched them by a credential of its own gets them.
func TestBytesAreNoPermission(t *testing.T) {
	t.Parallel()
	owner, other := newRoom(t), newRoom(t)
	bob := registry.User{Name: "bob", Password: "b", Repositories: []string{"bob/"}}
	reg := registry.For(t, registry.Options{Auth: registry.Token, Users: []registry.User{alice, bob}})
	p := push(t, reg, "org/app", folder("a.yaml", "private\n"), "v1")
	owner.create("app", private(reg, owner.pullSecret("regcred", reg.Host, alice.Name, alice.Password)))
	o := owner.until("app", exposes(p.revision("v1")))
	elsewhere := "http://" + shared.Storage + "/ocirepository/" + other.namespace + "/app/" + o.Status.Artifact.Digest + ".tar.gz"

	spec := private(reg, other.pullSecret("regcred", reg.Host, bob.Name, bob.Password))
	spec.Reference = &v1.OCIRepositoryRef{Digest: p.Digest}
	other.create("app", spec)
	if o := other.until("app", fails(v1.ReasonAuthenticationFailed)); o.Status.Artifact != nil {
		t.Errorf("bob's object advertises %v", o.Status.Artifact)
	}
	if !gone(t, elsewhere) {
		t.Error("bob gets alice's artifact by its digest")
	}

	push(t, reg, "bob/app", folder("a.yaml", "private\n"), "v1")
	other.change("app", func(o *v1.OCIRepository) {
		o.Spec.URL, o.Spec.Reference = at(reg, "bob/app").URL, &v1.OCIRepositoryRef{Tag: "v1"}
	})
	mine := other.until("app", exposes(p.revision("v1")))
	if mine.Status.Artifact.URL != elsewhere {
		t.Errorf("bob's own copy is at %s, want %s", mine.Status.Artifact.URL, elsewhere)
	}
	download(t, mine)
	other.delete("app")
	untilGone(t, elsewhere)
	download(t, o)
}

// Two tenants' objects of one repository: the credential of one is never used for the other.
func TestCredentialsAreNotShared(t *testing.T) {
	t.Parallel()
	eachAuth(t, func(t *testing.T, r *room, reg *registry.Registry) {
		p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
		r.create("app", private(reg, r.pullSecret("regcred", reg.Host, alice.Name, alice.Password)))
		r.until("app", exposes(p.revision("v1")))
		stranger := newRoom(t)
		stranger.create("anonymous", tagged(reg, "org/app", "v1"))
		stranger.create("wrong", private(reg, stranger.pullSecret("regcred", reg.Host, alice.Name, "wr0ng")))
		stranger.create("foreign", private(reg, &v1.LocalObjectReference{Name: "regcred-of-another-namespace"}))
		for _, name := range []string{"anonymous", "wrong", "foreign"} {
			stranger.until(name, fails(v1.ReasonAuthenticationFailed))
		}
		r.poll("app")
	})
}
