package registry

import (
	"cmp"
	"fmt"
	"os/exec"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
)

// DockerHub is the name people write for Docker Hub.
const DockerHub = "docker.io"

const (
	dockerHubAlias = "index.docker.io"
	dockerHubKey   = "https://index.docker.io/v1/" // Docker Hub's key in config files and credential helpers
)

// DockerCredentials gives what the user's Docker config holds for ref's registry: from DOCKER_AUTH_CONFIG, the credential helper
// of that host, the credential store, or the file itself, in this order. DOCKER_CONFIG names the config's folder. None is no error: the result is empty.
func DockerCredentials(ref Reference) ([]Credential, error) {
	file, err := config.Load(config.Dir())
	if err != nil {
		return nil, fmt.Errorf("read docker config: %w", err)
	}
	key := dockerKey(ref.Registry)
	helper := cmp.Or(file.CredentialHelpers[key], file.CredentialsStore)
	found, err := file.GetAuthConfig(key)
	if err != nil {
		return nil, explainHelper(file, helper, ref.Registry, err)
	}
	c := Credential{
		Username:      found.Username,
		Password:      found.Password,
		IdentityToken: found.IdentityToken,
		RegistryToken: found.RegistryToken,
	}
	if c == (Credential{}) {
		return nil, nil
	}
	return []Credential{c}, nil
}

func dockerKey(host string) string {
	if host == DockerHub || host == dockerHubAlias {
		return dockerHubKey
	}
	return host
}

// explainHelper names the helper: an anonymous try would end in a puzzling 401. What the helper printed stays out, it may be a secret.
func explainHelper(file *configfile.ConfigFile, helper, host string, err error) error {
	if helper == "" {
		return fmt.Errorf("read credential for %q from %q: %w", host, file.GetFilename(), err)
	}
	program := "docker-credential-" + helper
	if _, lookErr := exec.LookPath(program); lookErr != nil {
		return fmt.Errorf("run credential helper %q, which %q names for %q: %w", program, file.GetFilename(), host, exec.ErrNotFound)
	}
	return fmt.Errorf("run credential helper %q for %q: it gives no credential and reports an error; try: echo %s | %s get", program, host, dockerKey(host), program)
}
