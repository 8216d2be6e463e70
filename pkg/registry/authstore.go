package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
)

// Stored says where a credential is kept.
type Stored struct {
	File   string // the config that says so
	Helper string // program that keeps it; empty where the file does, unencrypted
}

// StoreCredential keeps the name and the password of c for host where [DockerCredentials] finds it: with the credential helper that the file
// names, else in the file; which is the one that REGISTRY_AUTH_FILE names, else the Docker config. Whatever else the file holds stays, and the
// file is there whole at any time.
func StoreCredential(ctx context.Context, host string, c Credential) (Stored, error) {
	s, err := storeFor(host)
	if err == nil {
		err = s.store(ctx, c)
	}
	if err != nil {
		return Stored{}, fmt.Errorf("store credential for %q: %w", host, err)
	}
	return s.stored(), nil
}

// EraseCredential takes away what [StoreCredential] keeps for host; found is false where there was nothing.
func EraseCredential(ctx context.Context, host string) (s Stored, found bool, err error) {
	kept, err := storeFor(host)
	if err == nil {
		found, err = kept.erase(ctx)
	}
	if err != nil {
		return Stored{}, false, fmt.Errorf("erase credential for %q: %w", host, err)
	}
	return kept.stored(), found, nil
}

// authStore is the file, or the helper, for one host.
type authStore struct {
	file   *configfile.ConfigFile
	path   string
	host   string
	helper string // empty: none
	key    string // what helper or file know the host as
	podman bool
}

func storeFor(host string) (*authStore, error) {
	s := &authStore{host: host, path: os.Getenv(authFileVariable)}
	s.podman = s.path != ""
	var err error
	if s.podman {
		s.file, err = loadAuthFile(s.path)
	} else {
		s.path = filepath.Join(config.Dir(), config.ConfigFileName)
		s.file, err = loadDocker()
	}
	if err != nil {
		return nil, err
	}
	if s.file == nil {
		s.file = configfile.New(s.path)
	}
	if s.helper, s.key = helperFor(s.file, host); s.podman && s.helper == "" {
		s.key = hubName(host)
	}
	return s, nil
}

func (s *authStore) stored() Stored {
	if s.helper == "" {
		return Stored{File: s.path}
	}
	return Stored{File: s.path, Helper: helperProgram(s.helper)}
}

func (s *authStore) store(ctx context.Context, c Credential) error {
	entry := map[string]string{}
	if s.helper == "" {
		entry["auth"] = base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))
	} else {
		kept, err := json.Marshal(map[string]string{"ServerURL": s.key, "Username": c.Username, "Secret": c.Password})
		if err != nil {
			return err
		}
		if err := s.run(ctx, "store", kept); err != nil {
			return err
		}
	}
	return s.edit(func(auths map[string]json.RawMessage) (bool, error) {
		raw, err := json.Marshal(entry)
		changed := !bytes.Equal(auths[s.key], raw)
		maps.DeleteFunc(auths, s.isOther)
		auths[s.key] = raw // beside a helper, that somebody is logged in there
		return changed, err
	})
}

// isOther tells another key of the same host, such as older versions of docker wrote. One of a namespace in it is not.
func (s *authStore) isOther(key string, _ json.RawMessage) bool {
	place, err := secretPlace(key)
	return err == nil && key != s.key && place == hubName(s.host)
}

func (s *authStore) erase(ctx context.Context) (found bool, err error) {
	err = s.edit(func(auths map[string]json.RawMessage) (bool, error) {
		before := len(auths)
		delete(auths, s.key)
		maps.DeleteFunc(auths, s.isOther)
		found = len(auths) < before
		return found, nil
	})
	if err != nil || s.helper == "" {
		return found, err
	}
	if c, lookErr := lookUp(s.file, Reference{Registry: s.host}); lookErr == nil && c == (Credential{}) {
		return found, nil
	}
	return true, s.run(ctx, "erase", []byte(s.key))
}

// run lets the helper do something. What it prints stays out of errors: it may be a secret.
func (s *authStore) run(ctx context.Context, what string, in []byte) error {
	if err := lookForHelper(s.path, s.helper, s.host); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, helperProgram(s.helper), what)
	cmd.Stdin = bytes.NewReader(in)
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("run credential helper %q, which %q names: %s reports an error", helperProgram(s.helper), s.path, what)
	}
	return nil
}

// edit changes the credentials in the file, and nothing else.
func (s *authStore) edit(change func(auths map[string]json.RawMessage) (bool, error)) error {
	path, all, err := readConfig(s.path)
	if err != nil {
		return err
	}
	auths := map[string]json.RawMessage{}
	if raw := all["auths"]; raw != nil {
		if err := json.Unmarshal(raw, &auths); err != nil || auths == nil {
			auths = map[string]json.RawMessage{}
		}
	}
	changed, err := change(auths)
	if err != nil || !changed {
		return err
	}
	if all["auths"], err = json.Marshal(auths); err != nil {
		return err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "\t")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	return replaceFile(path, text.Bytes())
}

// readConfig gives the file's parts as they are, and where it really lies: it may be a link to it.
func readConfig(path string) (real string, all map[string]json.RawMessage, err error) {
	all = map[string]json.RawMessage{}
	if real, err = filepath.EvalSymlinks(path); errors.Is(err, fs.ErrNotExist) {
		return path, all, nil
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(real)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read %q: %w", path, pathless(err))
	}
	if strings.TrimSpace(string(raw)) == "" {
		return real, all, nil
	}
	if err := json.Unmarshal(raw, &all); err != nil || all == nil {
		return "", nil, fmt.Errorf("read %q: it is no JSON object", path)
	}
	return real, all, nil
}

// replaceFile writes beside the file and renames: nobody ever reads half of it. Only its owner may read it.
func replaceFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write %q: %w", path, pathless(err))
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %q: %w", path, pathless(err))
	}
	defer os.Remove(file.Name()) // nothing once it has its place
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", path, pathless(err))
	}
	return nil
}
