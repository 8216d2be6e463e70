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
		"environment is broken": {
			`{"credsStore":"test"}`, "registry.example.com/app", `{"auths":{"registry.example.com":{"auth":"hunter2"}}}`,
			nil, `read DOCKER_AUTH_CONFIG: it is not of the form`,
		},
		"environment is no JSON":         {`{"credsStore":"test"}`, "registry.example.com/app", `hunter2`, nil, "read DOCKER_AUTH_CONFIG"},
		"environment without a file":     {"", "registry.example.com/app", `{"auths":{"registry.example.com":{"auth":"ZW52OnB3"}}}`, []Credential{{Username: "env", Password: "pw"}}, ""},
		"environment names another host": {`{"credsStore":"test"}`, "registry.example.com/app", `{"auths":{"a.example.com":{"auth":"ZW52OnB3"}}}`, []Credential{{Username: "helped", Password: "pw"}}, ""},
		"docker hub by another name":     {`{"auths":{"index.docker.io":{"auth":"dXNlcjpwYXNz"}}}`, "docker.io/org/app", "", []Credential{{Username: "user", Password: "pass"}}, ""},
		"docker hub's helper":            {`{"credHelpers":{"https://index.docker.io/v1/":"test"}}`, "index.docker.io/org/app", "", []Credential{{IdentityToken: "idtoken"}}, ""},
		"address of old":                 {`{"auths":{"https://registry.example.com/v1/":{"auth":"dXNlcjpwYXNz"}}}`, "registry.example.com/app", "", []Credential{{Username: "user", Password: "pass"}}, ""},
		"no part of a host":              {`{"auths":{"example.com":{"auth":"dXNlcjpwYXNz"},"registry.example.com:443":{"auth":"dXNlcjpwYXNz"}}}`, "registry.example.com/app", "", nil, ""},
		"no pattern":                     {`{"auths":{"*.example.com":{"auth":"dXNlcjpwYXNz"}}}`, "registry.example.com/app", "", nil, ""},
		"helper is not installed": {
			`{"credHelpers":{"registry.example.com":"absent"}}`, "registry.example.com/app", "", nil, `"docker-credential-absent"`,
		},
		"helper fails": {`{"credsStore":"test"}`, "broken.example.com/app", "", nil, `"docker-credential-test"`},
		"broken file":  {`{"auths":`, "registry.example.com/app", "", nil, "config.json"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config.SetDir(dir)
			isolate(t)
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

// isolate keeps what the machine has from these tests.
func isolate(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	for variable, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": "", "XDG_RUNTIME_DIR": "", "REGISTRY_AUTH_FILE": "", "DOCKER_AUTH_CONFIG": "",
	} {
		t.Setenv(variable, value)
	}
	return home
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// podman's files come after the Docker config, but for the one that somebody names; in them, the longest key wins.
func TestAuthFiles(t *testing.T) {
	const (
		any    = `{"auths":{"registry.example.com":{"auth":"YW55OnB3"}}}`
		spaces = `{"auths":{"registry.example.com":{"auth":"YW55OnB3"},"registry.example.com/org":{"auth":"b3JnOnB3"},"registry.example.com/org/app":{"auth":"YXBwOnB3"}}}`
	)
	for name, tc := range map[string]struct {
		docker, named, runtime, home string // what the files hold
		ref, want, err               string
	}{
		"home":                       {home: any, ref: "registry.example.com/org/app", want: "any"},
		"runtime before home":        {runtime: spaces, home: any, ref: "registry.example.com/org/x", want: "org"},
		"docker before both":         {docker: any, runtime: spaces, home: spaces, ref: "registry.example.com/org/app", want: "any"},
		"the named one before all":   {docker: any, named: spaces, ref: "registry.example.com/org/app", want: "app"},
		"the rest after the named":   {docker: any, named: `{}`, ref: "registry.example.com/org/app", want: "any"},
		"longest":                    {home: spaces, ref: "registry.example.com/org/app", want: "app"},
		"longest, of a namespace":    {home: spaces, ref: "registry.example.com/org/deep/app", want: "org"},
		"a namespace is whole words": {home: spaces, ref: "registry.example.com/organisation/app", want: "any"},
		"docker hub":                 {home: `{"auths":{"docker.io/org":{"auth":"b3JnOnB3"},"docker.io":{"auth":"YW55OnB3"}}}`, ref: "docker.io/org/app", want: "org"},
		"broken, and needed":         {home: `hunter2`, ref: "registry.example.com/app", err: "auth.json\": it is not of the form"},
		"broken, and not looked at":  {docker: any, home: `hunter2`, ref: "registry.example.com/app", want: "any"},
		"named and broken":           {docker: any, named: `{"auths":{"x":{"auth":"hunter2"}}}`, ref: "registry.example.com/app", err: "read auth file"},
		"named and missing":          {docker: any, named: "-", ref: "registry.example.com/app", err: "which REGISTRY_AUTH_FILE names: file does not exist"},
		"helper is not installed":    {home: `{"credHelpers":{"registry.example.com":"absent"}}`, ref: "registry.example.com/app", err: `"docker-credential-absent"`},
	} {
		t.Run(name, func(t *testing.T) {
			home := isolate(t)
			config.SetDir(filepath.Join(home, ".docker"))
			t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
			for path, text := range map[string]string{
				".docker/config.json": tc.docker, "named.json": strings.TrimPrefix(tc.named, "-"),
				"run/containers/auth.json": tc.runtime, ".config/containers/auth.json": tc.home,
			} {
				if text != "" {
					write(t, filepath.Join(home, path), text)
				}
			}
			if tc.named != "" {
				t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(home, "named.json"))
			}
			ref, err := Parse(tc.ref)
			if err != nil {
				t.Fatal(err)
			}
			got, err := DockerCredentials(ref)
			switch {
			case tc.err != "":
				if err == nil || !strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("got %v, want %s", err, tc.err)
				}
			case err != nil || len(got) != 1 || got[0].Username != tc.want:
				t.Errorf("got %v, %v, want %s", got, err, tc.want)
			}
		})
	}
}

// What is stored is found, and erased without a trace; nothing else in the file changes.
func TestStoreCredential(t *testing.T) {
	for name, tc := range map[string]struct {
		host, before, key string
		podman            bool
	}{
		"new file":             {"registry.example.com", "", "registry.example.com", false},
		"docker hub":           {"docker.io", `{"auths":{"index.docker.io":{"auth":"b2xkOm9sZA=="}}}`, "https://index.docker.io/v1/", false},
		"docker hub in podman": {"docker.io", "", "docker.io", true},
		"namespaces stay":      {"registry.example.com", `{"auths":{"registry.example.com/org":{"auth":"b3JnOnB3"}},"x":1}`, "registry.example.com", true},
		"an older key goes":    {"registry.example.com", `{"auths":{"https://registry.example.com/v1/":{"auth":"b2xkOm9sZA=="}}}`, "registry.example.com", false},
		"no credentials yet":   {"registry.example.com", `{"auths":null}`, "registry.example.com", false},
	} {
		t.Run(name, func(t *testing.T) {
			home := isolate(t)
			config.SetDir(filepath.Join(home, ".docker"))
			path := filepath.Join(home, ".docker", "config.json")
			if tc.podman {
				path = filepath.Join(home, "auth.json")
				t.Setenv("REGISTRY_AUTH_FILE", path)
			}
			if tc.before != "" {
				write(t, path, tc.before)
			}
			want := Credential{Username: "alice", Password: "pass:word"}
			kept, err := StoreCredential(t.Context(), tc.host, want)
			if err != nil || kept.Helper != "" || kept.File != path {
				t.Fatalf("got %+v, %v", kept, err)
			}
			ref := Reference{Registry: tc.host, Repository: "other/app"}
			if got, err := DockerCredentials(ref); err != nil || !cmp.Equal(got, []Credential{want}) {
				t.Errorf("found %v, %v", got, err)
			}
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), `"`+tc.key+`"`) {
				t.Errorf("the file holds %s, %v", text, err)
			}
			if _, found, err := EraseCredential(t.Context(), tc.host); !found || err != nil {
				t.Errorf("erased: %v, %v", found, err)
			}
			if got, err := DockerCredentials(ref); err != nil || got != nil {
				t.Errorf("found %v, %v after it was erased", got, err)
			}
			if _, found, err := EraseCredential(t.Context(), tc.host); found || err != nil {
				t.Errorf("erased again: %v, %v", found, err)
			}
			text, err = os.ReadFile(path)
			if err != nil || strings.Contains(tc.before, "/org") != strings.Contains(string(text), "b3JnOnB3") {
				t.Errorf("the file holds %s, %v", text, err)
			}
		})
	}
}
