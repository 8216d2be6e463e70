package source

import (
	"regexp"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

func TestHighestTag(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tags       []string
		constraint string
		filter     string
		helm       bool
		want       string
	}{
		"numbers, not letters":     {[]string{"1.9.0", "1.10.0"}, "1.x", "", false, "1.10.0"},
		"leading v":                {[]string{"v1.0.0", "v1.1.0"}, "1.x", "", false, "v1.1.0"},
		"three parts only":         {[]string{"1", "1.2", "1.0.0"}, ">=1.0.0", "", false, "1.0.0"},
		"two leading v":            {[]string{"vv1.0.0"}, "*", "", false, ""},
		"prerelease not asked for": {[]string{"1.0.0", "1.1.0-rc.1"}, ">=1.0.0", "", false, "1.0.0"},
		"prerelease asked for":     {[]string{"1.0.0", "1.1.0-rc.1"}, ">=1.0.0-0", "", false, "1.1.0-rc.1"},
		"filter is unanchored":     {[]string{"1.0.0-prod", "1.1.0-dev"}, "*-0", "prod", false, "1.0.0-prod"},
		"none":                     {[]string{"latest", "2.0.0"}, "1.x", "", false, ""},
		"same version, last name":  {[]string{"1.0.0", "v1.0.0"}, "1.x", "", false, "v1.0.0"},
		"same, other order":        {[]string{"v1.0.0", "1.0.0"}, "1.x", "", false, "v1.0.0"},
		"helm's underscore":        {[]string{"1.0.0_build.1"}, "1.x", "", true, "1.0.0_build.1"},
		"underscore elsewhere":     {[]string{"1.0.0_build.1"}, "1.x", "", false, ""},
	} {
		constraint, err := semver.NewConstraint(tc.constraint)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := choice{constraint, regexp.MustCompile(tc.filter), tc.helm}.highest(tc.tags)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// Whoever finds no version learns of those that are there.
func TestPrereleasesAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tags       []string
		constraint string
		filter     string
		want       string // in the note; empty: there is none
	}{
		"of the first version":  {[]string{"1.0.0-rc.1", "2.0.0"}, ">=1.0.0 <2.0.0", "", "prereleases of such versions: 1, as \"1.0.0-rc.1\" is one"},
		"of the first one out":  {[]string{"2.0.0-rc.1"}, ">=1.0.0 <2.0.0", "", ""},
		"of later versions":     {[]string{"1.1.0-rc.1", "1.2.0-rc.1"}, ">=1.0.0", "", `prereleases of such versions: 2, as "1.2.0-rc.1" is one`},
		"wildcard":              {[]string{"1.1.0-rc.1"}, "1.x", "", `"1.1.0-rc.1"`},
		"filtered out":          {[]string{"1.1.0-rc.1"}, "1.x", "^v", ""},
		"nothing in the range":  {[]string{"2.1.0-rc.1"}, "1.x", "", ""},
		"asked for them anyway": {[]string{"1.1.0-rc.1"}, ">=1.2.0-0", "", ""},
	} {
		constraint, err := semver.NewConstraint(tc.constraint)
		if err != nil {
			t.Fatal(err)
		}
		got := choice{constraint, regexp.MustCompile(tc.filter), false}.prereleaseNote(tc.tags)
		if !strings.Contains(got, tc.want) || (got == "") != (tc.want == "") {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestIdleFieldsAreNamed(t *testing.T) {
	t.Parallel()
	for want, refs := range map[bool][]*v1.OCIRepositoryRef{
		true:  {{SemverFilter: "^v"}, {SemverFilter: "^v", Tag: "v1"}, {SemverFilter: "^v", SemVer: "1.x", Digest: "sha256:…"}},
		false: {nil, {}, {SemverFilter: "^v", SemVer: "1.x"}, {SemVer: "1.x", Tag: "v1"}},
	} {
		for _, ref := range refs {
			if note := idle(v1.OCIRepositorySpec{Reference: ref}); (note != "") != want {
				t.Errorf("%+v: %q", ref, note)
			}
		}
	}
}

// Nobody is to think that an identity, or a root, counts beside keys.
func TestIdleTrustIsNamed(t *testing.T) {
	t.Parallel()
	secret, who := &v1.LocalObjectReference{Name: "a"}, []v1.OIDCIdentityMatch{{}}
	for want, verify := range map[string]*v1.Verification{
		"":                                   nil,
		"none of a key":                      {SecretRef: secret},
		"none of an identity":                {MatchOIDCIdentity: who, TrustedRootSecretRef: secret},
		"matchOIDCIdentity has no effect":    {SecretRef: secret, MatchOIDCIdentity: who},
		"trustedRootSecretRef has no effect": {SecretRef: secret, TrustedRootSecretRef: secret},
		"alone count; spec.verify.trustedRootSecretRef": {SecretRef: secret, MatchOIDCIdentity: who, TrustedRootSecretRef: secret},
	} {
		note := idle(v1.OCIRepositorySpec{Verify: verify})
		if idle := want != "" && !strings.HasPrefix(want, "none"); (note != "") != idle || idle && !strings.Contains(note, want) {
			t.Errorf("%q, want %s", note, want)
		}
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"oci://ghcr.io/org/app":     "ghcr.io/org/app",
		"ghcr.io/org/app":           "ghcr.io/org/app",
		"oci://localhost:5000/a":    "localhost:5000/a",
		"oci://ghcr.io/org/app:v1":  "",
		"https://ghcr.io/org/app":   "",
		"oci://ghcr.io/org/app/":    "",
		"oci://u:p@ghcr.io/org/app": "",
	} {
		ref, err := Repository(url)
		if got := ref.Name(); err == nil && got != want || err != nil && want != "" {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
}
