package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/credentials"
	"github.com/docker/cli/cli/config/types"
)

// DockerHub is the name people write for Docker Hub.
const DockerHub = "docker.io"

const (
	dockerHubAlias = "index.docker.io"
	dockerHubKey   = "https://index.docker.io/v1/" // Docker Hub's key in config files and credential helpers
)

// Variables of the environment that hold, or name, credentials.
const (
	authConfigVariable = "DOCKER_AUTH_CONFIG" // the config itself, as docker reads it
	authFileVariable   = "REGISTRY_AUTH_FILE" // podman's file
)

// DockerCredentials gives what the user has for ref's registry, from the first of these places that has anything: DOCKER_AUTH_CONFIG; the file that
// REGISTRY_AUTH_FILE names; the Docker config, whose folder DOCKER_CONFIG names; the files that podman login writes. In a file, the credential
// helper of that host comes before the credential store, and that before the file itself, where a key may be host/namespace and the
// longest that covers ref wins. None is no error: the result is empty. What is there and cannot be read, or a helper that is missing or
// fails, is one: an anonymous try would end in a puzzling 401.
func DockerCredentials(ref Reference) ([]Credential, error) {
	for _, load := range []func() (*configfile.ConfigFile, error){loadVariable, loadNamed, loadDocker, loadRuntime, loadHome} {
		file, err := load()
		if err != nil {
			return nil, err
		}
		if file == nil {
			continue
		}
		if c, err := lookUp(file, ref); err != nil || c != (Credential{}) {
			return []Credential{c}, err
		}
	}
	return nil, nil
}

func loadVariable() (*configfile.ConfigFile, error) {
	text := os.Getenv(authConfigVariable)
	if text == "" {
		return nil, nil
	}
	file, err := config.LoadFromReader(strings.NewReader(text))
	if err != nil { // the cause may quote a secret
		return nil, errors.New(`read ` + authConfigVariable + `: it is not of the form {"auths":{"HOST":{"auth":"…"}}}`)
	}
	file.CredentialHelpers, file.CredentialsStore = nil, "" // as docker has it
	return file, nil
}

func loadDocker() (*configfile.ConfigFile, error) {
	file, err := config.Load(config.Dir())
	if err != nil {
		return nil, fmt.Errorf("read docker config: %w", err)
	}
	return file, nil
}

func loadNamed() (*configfile.ConfigFile, error) {
	path := os.Getenv(authFileVariable)
	if path == "" {
		return nil, nil
	}
	file, err := loadAuthFile(path)
	if err == nil && file == nil {
		err = fmt.Errorf("read auth file %q, which %s names: %w", path, authFileVariable, fs.ErrNotExist)
	}
	return file, err
}

func loadRuntime() (*configfile.ConfigFile, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return nil, nil
	}
	return loadAuthFile(filepath.Join(dir, "containers", "auth.json"))
}

func loadHome() (*configfile.ConfigFile, error) {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil //nolint:nilerr // who has no home has no file there
		}
		dir = filepath.Join(home, ".config")
	}
	return loadAuthFile(filepath.Join(dir, "containers", "auth.json"))
}

// loadAuthFile reads a file of podman's, which has Docker's form; one that is missing is nil.
func loadAuthFile(path string) (*configfile.ConfigFile, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read auth file %q: %w", path, pathless(err))
	}
	defer f.Close()
	file, err := config.LoadFromReader(f)
	if err != nil { // the cause may quote a secret
		return nil, fmt.Errorf(`read auth file %q: it is not of the form {"auths":{"HOST":{"auth":"…"}}}`, path)
	}
	file.Filename = path
	return file, nil
}

func pathless(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// lookUp asks the helper that the file names for ref's registry, or else the file.
func lookUp(file *configfile.ConfigFile, ref Reference) (Credential, error) {
	if helper, key := helperFor(file, ref.Registry); helper != "" {
		found, err := credentials.NewNativeStore(file, helper).Get(key)
		if err != nil {
			return Credential{}, explainHelper(file, helper, ref.Registry, key)
		}
		return credentialOf(found), nil
	}
	longest, found := "", types.AuthConfig{}
	for key, auth := range file.AuthConfigs {
		place, err := secretPlace(key)
		if err != nil || strings.ContainsAny(place, "*?[") || !placeCovers(place, ref) || credentialOf(auth) == (Credential{}) {
			continue
		}
		if len(place) > len(longest) || len(place) == len(longest) && key == dockerKey(ref.Registry) {
			longest, found = place, auth
		}
	}
	return credentialOf(found), nil
}

// helperFor gives the helper for a host, and what it knows the host as.
func helperFor(file *configfile.ConfigFile, host string) (helper, key string) {
	for _, key := range hostKeys(host) {
		if helper := file.CredentialHelpers[key]; helper != "" {
			return helper, key
		}
	}
	return file.CredentialsStore, dockerKey(host)
}

// hostKeys are the names under which a host may be known, Docker's own first.
func hostKeys(host string) []string {
	if hubName(host) == DockerHub {
		return []string{dockerHubKey, DockerHub, dockerHubAlias}
	}
	return []string{host}
}

func credentialOf(a types.AuthConfig) Credential {
	return Credential{Username: a.Username, Password: a.Password, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken}
}

func dockerKey(host string) string { return hostKeys(host)[0] }

// explainHelper names the helper. What it printed stays out, it may be a secret.
func explainHelper(file *configfile.ConfigFile, helper, host, key string) error {
	program := helperProgram(helper)
	if err := lookForHelper(file.GetFilename(), helper, host); err != nil {
		return err
	}
	return fmt.Errorf("run credential helper %q for %q: it gives no credential and reports an error; try: echo %s | %s get", program, host, key, program)
}

func helperProgram(helper string) string { return "docker-credential-" + helper }

func lookForHelper(file, helper, host string) error {
	program := helperProgram(helper)
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("run credential helper %q, which %q names for %q: %w", program, file, host, exec.ErrNotFound)
	}
	return nil
}
