package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// content speaks to the registry by its back door: nothing is counted and no fault is met.

// at is the back door's address of something in a repository.
func (s *script) at(repository, what string) string {
	return "http://" + s.registry.Direct + "/v2/" + repository + "/" + what
}

// getManifest takes REPOSITORY:TAG or REPOSITORY@DIGEST.
func (s *script) getManifest(reference string) (repository string, raw []byte, err error) {
	repository, name, ok := strings.Cut(reference, "@")
	if !ok {
		repository, name, ok = strings.Cut(reference, ":")
	}
	if !ok {
		return "", nil, errUsage
	}
	raw, err = s.send(http.MethodGet, s.at(repository, "manifests/"+name), "", "")
	return repository, raw, err
}

// manifestTypes are what a registry is to send as it has it. This one takes "*/*" for a client that knows none of them.
func manifestTypes() []string {
	return []string{
		"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
		"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
	}
}

func (s *script) manifest(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	_, raw, err := s.getManifest(args[0])
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		return err
	}
	fmt.Fprintln(ts.Stdout(), indented.String())
	return nil
}

func (s *script) tags(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	raw, err := s.send(http.MethodGet, s.at(args[0], "tags/list"), "", "")
	if err != nil {
		return err
	}
	var list struct{ Tags []string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	for _, tag := range list.Tags {
		fmt.Fprintln(ts.Stdout(), tag)
	}
	return nil
}

func (s *script) layer(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	repository, raw, err := s.getManifest(args[0])
	if err != nil {
		return err
	}
	var m struct{ Layers []struct{ Digest string } }
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	if len(m.Layers) == 0 {
		return fmt.Errorf("no layer in %s", raw)
	}
	content, err := s.send(http.MethodGet, s.at(repository, "blobs/"+m.Layers[0].Digest), "", "")
	if err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs(args[1]), content, 0o600)
}

func (s *script) putBlob(ts *testscript.TestScript, args []string) error {
	if len(args) != 3 {
		return errUsage
	}
	content := ts.ReadFile(args[1])
	setDescriptor(ts, args[2], content)
	location, err := s.startUpload(args[0])
	if err != nil {
		return err
	}
	query := location.Query()
	query.Set("digest", ts.Getenv(args[2]))
	location.RawQuery = query.Encode()
	_, err = s.send(http.MethodPut, location.String(), "application/octet-stream", content)
	return err
}

// startUpload asks where to send a blob to.
func (s *script) startUpload(repository string) (*url.URL, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.at(repository, "blobs/uploads/"), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return resp.Location()
}

// putManifest replaces variables in the file, as expand does.
func (s *script) putManifest(ts *testscript.TestScript, args []string) error {
	if len(args) != 3 {
		return errUsage
	}
	repository, tag, ok := strings.Cut(args[0], ":")
	if !ok {
		return errUsage
	}
	content := os.Expand(ts.ReadFile(args[1]), ts.Getenv)
	var typed struct{ MediaType string }
	if err := json.Unmarshal([]byte(content), &typed); err != nil {
		return err
	}
	setDescriptor(ts, args[2], content)
	_, err := s.send(http.MethodPut, s.at(repository, "manifests/"+tag), typed.MediaType, content)
	return err
}

func setDescriptor(ts *testscript.TestScript, name, content string) {
	ts.Setenv(name, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))))
	ts.Setenv(name+"_SIZE", fmt.Sprint(len(content)))
}
