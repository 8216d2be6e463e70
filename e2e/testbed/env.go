package testbed

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// writeEnv writes the env file, lines that a shell reads with `set -a; . file`, and the files that it names.
func (tb *Testbed) writeEnv(o registry.Options) error {
	r := tb.Registry
	lines := []string{
		line("TESTBED", tb.Dir),
		line("REGISTRY", r.Host),
		line("REGISTRY_URL", r.URL()),
		line("REGISTRY_DIRECT", r.Direct),
		line("PROXY", r.Admin),
	}
	if tb.Kubeconfig != "" {
		lines = append(lines, line("KUBECONFIG", tb.Kubeconfig))
	}
	if tb.Kubectl != "" {
		lines = append(lines, line("KUBECTL", tb.Kubectl))
	}
	if r.CA != nil {
		path := filepath.Join(tb.Dir, "registry-ca.crt")
		lines = append(lines, line("REGISTRY_CA", path))
		if err := os.WriteFile(path, r.CA, 0o600); err != nil {
			return err
		}
	}
	if o.Auth != registry.None && len(o.Users) > 0 {
		u := o.Users[0]
		lines = append(lines, line("REGISTRY_USER", u.Name), line("REGISTRY_PASSWORD", u.Password),
			line("DOCKER_CONFIG", filepath.Join(tb.Dir, "docker")))
		if err := tb.writeDockerConfig(u); err != nil {
			return err
		}
	}
	tb.Env = filepath.Join(tb.Dir, "env")
	return os.WriteFile(tb.Env, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// writeDockerConfig logs the user in, as `docker login` would.
func (tb *Testbed) writeDockerConfig(u registry.User) error {
	auth := base64.StdEncoding.EncodeToString([]byte(u.Name + ":" + u.Password))
	content, err := json.Marshal(map[string]any{"auths": map[string]any{tb.Registry.Host: map[string]string{"auth": auth}}})
	if err != nil {
		return err
	}
	dir := filepath.Join(tb.Dir, "docker")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), content, 0o600)
}

// line quotes a value for the shell, whatever is in it.
func line(name, value string) string {
	return name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
