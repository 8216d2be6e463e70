package registry

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config"
	"github.com/google/go-cmp/cmp"
)

// The helper is a program of its own, as in real life. It knows two hosts and logs what it was asked.
const helperScript = `#!/bin/sh
read -r host
case "$host" in
  registry.example.com) echo '{"ServerURL":"","Username":"helped","Secret":"pw"}' ;;
  https://index.docker.io/v1/) echo '{"ServerURL":"","Username":"<token>","Secret":"idtoken"}' ;;
  broken.example.com) echo "hunter2"; exit 1 ;;
  *) echo "credentials not found in native keychain"; exit 1 ;;
esac
`

// The environment is the process's: these tests cannot run in parallel.
func TestDockerCredentials(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-test"), []byte(helperScript), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, tc := range map[string]struct {
		config string
		ref    string
		env    string // DOCKER_AUTH_CONFIG
		want   []Credential
		err    string
	}{
		"no config": {"", "registry.example.com/app", "", nil, ""},
		"auths": {
			`{"auths":{"registry.example.com":{"auth":"dXNlcjpwYXNz"}}}`, "registry.example.com/app", "",
			[]Credential{{Username: "user", Password: "pass"}}, "",
		},
		"auths of another host": {`{"auths":{"other.example.com":{"auth":"dXNlcjpwYXNz"}}}`, "registry.example.com/app", "", nil, ""},
		"docker hub": {
			`{"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNz"}}}`, "docker.io/org/app", "",
			[]Credential{{Username: "user", Password: "pass"}}, "",
		},
		"helper": {
			`{"credHelpers":{"registry.example.com":"test"}}`, "registry.example.com/app", "",
			[]Credential{{Username: "helped", Password: "pw"}}, "",
		},
		"helper wins over auths": {
			`{"credHelpers":{"registry.example.com":"test"},"auths":{"registry.example.com":{"auth":"dXNlcjpwYXNz"}}}`,
			"registry.example.com/app", "", []Credential{{Username: "helped", Password: "pw"}}, "",
		},
		"store, identity token": {`{"credsStore":"test"}`, "docker.io/org/app", "", []Credential{{IdentityToken: "idtoken"}}, ""},
		"store knows nothing":   {`{"credsStore":"test"}`, "quay.io/org/app", "", nil, ""},
		"environment first": {
			`{"credsStore":"test"}`, "registry.example.com/app", `{"auths":{"registry.example.com":{"auth":"ZW52OnB3"}}}`,
			[]Credential{{Username: "env", Password: "pw"}}, "",
		},
		"helper is not installed": {
			`{"credHelpers":{"registry.example.com":"absent"}}`, "registry.example.com/app", "", nil, `"docker-credential-absent"`,
		},
		"helper fails": {`{"credsStore":"test"}`, "broken.example.com/app", "", nil, `"docker-credential-test"`},
		"broken file":  {`{"auths":`, "registry.example.com/app", "", nil, "config.json"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config.SetDir(dir)
			t.Setenv("DOCKER_AUTH_CONFIG", tc.env)
			if tc.config != "" {
				if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(tc.config), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ref, err := Parse(tc.ref)
			if err != nil {
				t.Fatal(err)
			}
			got, err := DockerCredentials(ref)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("the error %v does not say %s", err, tc.err)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error shows what the helper printed: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !cmp.Equal(tc.want, got) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
