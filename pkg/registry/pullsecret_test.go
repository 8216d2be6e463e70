package registry

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func secret(t testing.TB, keys ...string) []byte {
	t.Helper()
	auths := map[string]map[string]string{}
	for _, k := range keys {
		auths[k] = map[string]string{"username": k, "password": "pw"}
	}
	raw, err := json.Marshal(map[string]any{"auths": auths})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestPullSecretMatching(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		keys []string
		ref  string
		want []string // usernames, which are the keys, in the order to try
	}{
		"host":                         {[]string{"ghcr.io"}, "ghcr.io/org/app", []string{"ghcr.io"}},
		"other host":                   {[]string{"ghcr.io"}, "quay.io/org/app", nil},
		"host with scheme and v1":      {[]string{"https://ghcr.io/v1/"}, "ghcr.io/org/app", []string{"https://ghcr.io/v1/"}},
		"host with v2":                 {[]string{"ghcr.io/v2/"}, "ghcr.io/org/app", []string{"ghcr.io/v2/"}},
		"port":                         {[]string{"r.example:5000"}, "r.example:5000/app", []string{"r.example:5000"}},
		"port missing in the key":      {[]string{"r.example"}, "r.example:5000/app", nil},
		"port missing in the ref":      {[]string{"r.example:5000"}, "r.example/app", nil},
		"path":                         {[]string{"ghcr.io/org"}, "ghcr.io/org/app", []string{"ghcr.io/org"}},
		"path is the repository":       {[]string{"ghcr.io/org/app"}, "ghcr.io/org/app", []string{"ghcr.io/org/app"}},
		"path ends at a slash":         {[]string{"ghcr.io/org"}, "ghcr.io/organisation/app", nil},
		"longer path first":            {[]string{"ghcr.io", "ghcr.io/org", "ghcr.io/org/app"}, "ghcr.io/org/app", []string{"ghcr.io/org/app", "ghcr.io/org", "ghcr.io"}},
		"glob":                         {[]string{"*.example.com"}, "eu.example.com/app", []string{"*.example.com"}},
		"glob is one label":            {[]string{"*.example.com"}, "a.b.example.com/app", nil},
		"glob in a label":              {[]string{"eu-*.example.com"}, "eu-1.example.com/app", []string{"eu-*.example.com"}},
		"no glob across dots":          {[]string{"*.com"}, "example.com.evil.org/app", nil},
		"docker hub by its key":        {[]string{"https://index.docker.io/v1/"}, "docker.io/org/app", []string{"https://index.docker.io/v1/"}},
		"docker hub by its name":       {[]string{"docker.io"}, "index.docker.io/org/app", []string{"docker.io"}},
		"docker hub with a path":       {[]string{"docker.io/org"}, "docker.io/org/app", []string{"docker.io/org"}},
		"docker hub by all its names":  {[]string{"docker.io", "https://index.docker.io/v1/", "index.docker.io"}, "docker.io/org/app", []string{"index.docker.io", "https://index.docker.io/v1/", "docker.io"}},
		"a key that is no host":        {[]string{"https://", "ghcr.io"}, "ghcr.io/org/app", []string{"ghcr.io"}},
		"several keys of one registry": {[]string{"*.docker.io", "quay.io"}, "docker.io/org/app", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, err := Parse(tc.ref)
			if err != nil {
				t.Fatal(err)
			}
			found, err := PullSecret(secret(t, tc.keys...), ref)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range found {
				got = append(got, c.Username)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("credentials (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPullSecretReadsAuth(t *testing.T) {
	t.Parallel()
	ref := Reference{Registry: "ghcr.io", Repository: "org/app"}
	// base64 of "user:pass:word"
	got, err := PullSecret([]byte(`{"auths":{"ghcr.io":{"auth":"dXNlcjpwYXNzOndvcmQ="}}}`), ref)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Credential{{Username: "user", Password: "pass:word"}}; !cmp.Equal(want, got) {
		t.Errorf("another credential than the one written")
	}
}

func TestPullSecretKeepsSecretsOutOfErrors(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`{"auths":{"ghcr.io":{"auth":"hunter2hunter2!"}}}`, `hunter2`, `{"auths":["hunter2"]}`} {
		_, err := PullSecret([]byte(data), Reference{Registry: "ghcr.io", Repository: "app"})
		if err == nil {
			t.Errorf("%s: no error", data)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error quotes it: %v", data, err)
		}
	}
}

func TestCredentialPrintsNoSecret(t *testing.T) {
	t.Parallel()
	for _, c := range []Credential{
		{Username: "u", Password: "hunter2"}, {Password: "hunter2"}, {IdentityToken: "hunter2"}, {RegistryToken: "hunter2"},
	} {
		if strings.Contains(c.String()+c.GoString(), "hunter2") {
			t.Errorf("%s shows its secret", c)
		}
	}
}

func FuzzPullSecret(f *testing.F) {
	f.Add([]byte(`{"auths":{"ghcr.io":{"auth":"dXNlcjpwYXNz"}}}`), "ghcr.io/org/app")
	f.Add([]byte(`{"auths":{"[::1]:5/[":{"username":"a"}}}`), "[::1]:5/app")
	f.Fuzz(func(t *testing.T, data []byte, s string) {
		ref, err := Parse(s)
		if err != nil {
			return
		}
		found, err := PullSecret(data, ref)
		if err != nil {
			return
		}
		for _, c := range found {
			if c == (Credential{}) {
				t.Fatal("an empty credential hides that there is none")
			}
		}
	})
}
