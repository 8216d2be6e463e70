package registry

import (
	"strings"
	"testing"
)

const someDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Reference{
		"docker.io/org/app-config:v1.0.0":       {Registry: "docker.io", Repository: "org/app-config", Tag: "v1.0.0"},
		"oci://docker.io/org/app-config:v1.0.0": {Registry: "docker.io", Repository: "org/app-config", Tag: "v1.0.0"},
		"localhost/app":                         {Registry: "localhost", Repository: "app"},
		"127.0.0.1:5000/a/b/c":                  {Registry: "127.0.0.1:5000", Repository: "a/b/c"},
		"[::1]:5000/app:v1":                     {Registry: "[::1]:5000", Repository: "app", Tag: "v1"},
		"ghcr.io/org/app@" + someDigest:         {Registry: "ghcr.io", Repository: "org/app", Digest: someDigest},
		"ghcr.io/org/app:v1@" + someDigest:      {Registry: "ghcr.io", Repository: "org/app", Tag: "v1", Digest: someDigest},
	} {
		got, err := Parse(in)
		if err != nil {
			t.Errorf("Parse(%q): %v", in, err)
			continue
		}
		if got != want {
			t.Errorf("Parse(%q) = %#v, want %#v", in, got, want)
		}
		if s := got.String(); s != strings.TrimPrefix(in, Scheme) {
			t.Errorf("Parse(%q).String() = %q", in, s)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                     "not a host and a repository",
		"/org/app:v1":                          "as in docker.io/org/app:v1", // of an empty variable
		"org/app:v1":                           "write the host too, as in docker.io/org/app:v1",
		"app:v1":                               "not a host and a repository",
		"127.0.0.1:5000":                       "not a host and a repository",
		"a.b:port/org/app:v1":                  `registry "a.b:port" is not a host or host:port`,
		"docker.io/nginx:v1":                   "as in docker.io/org/nginx",
		"https://docker.io/org/app":            "https:// is no scheme of a reference",
		"docker.io/org/App:v1":                 "lower-case",
		"docker.io/org/app:":                   "is empty",
		"docker.io/org/app:-v1":                `tag "-v1"`,
		"docker.io/org/app:v1:v2":              "lower-case",
		"docker.io/org/app@sha256:beef":        "64 hex digits",
		"docker.io/org/app@":                   "64 hex digits",
		"docker.io/":                           "lower-case",
		"docker.io/org/../app":                 "lower-case",
		"user:hunter2@docker.io/org/app:v1":    "credentials do not belong",
		"oci://user:hunter2@docker.io/org/app": "credentials do not belong",
		"docker.io/org/app:v1?x=y":             `tag "v1?x=y"`,
		"docker.io/org/app:" + strings.Repeat("v", 129): "1 to 128",
	} {
		_, err := Parse(in)
		if err == nil {
			t.Errorf("Parse(%q) succeeds", in)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) says %q, not %q", in, err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%q) shows the password: %v", in, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"docker.io/org/app:v1", "oci://[::1]:5000/a@" + someDigest, "a.b/c:d@", "localhost/x", "://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(Scheme + ref.String())
		if err != nil || again != ref {
			t.Fatalf("%q gives %#v, whose text gives %#v, %v", s, ref, again, err)
		}
		if strings.ContainsAny(ref.Name(), " \\?#%@") || strings.Contains(ref.Repository, "..") && !strings.Contains(s, "..") {
			t.Fatalf("%q gives the repository %q", s, ref.Name())
		}
	})
}

// Docker Hub has two names; all else is compared as it is written.
func TestSameRepository(t *testing.T) {
	t.Parallel()
	for other, want := range map[string]bool{
		"docker.io/org/app:v1": true, "index.docker.io/org/app": true, "docker.io/org/app2": false, "ghcr.io/org/app": false, "docker.io/org/app/x": false,
	} {
		o, err := Parse(other)
		if err != nil {
			t.Fatal(err)
		}
		if (Reference{Registry: "docker.io", Repository: "org/app"}).SameRepository(o) != want {
			t.Errorf("%s: got %t", other, !want)
		}
	}
}
