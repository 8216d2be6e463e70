package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
)

// kustomize is a folder to build before it is packed.
type kustomize struct {
	folder      string
	allowRemote bool
}

func (k *kustomize) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&k.folder, "kustomize", "k", "", "folder with a kustomization to build and pack, as one file, in place of --filename")
	flags.BoolVar(&k.allowRemote, "allow-remote", false, "let the kustomization fetch what is in git and on the web")
}

var errRemote = errors.New("the kustomization asks for something that is elsewhere")

const remoteHint = "--allow-remote fetches it, at each build anew; a copy beside the kustomization would always be the same"

// build gives what the kustomization makes, and the folder around all that it read. Nothing is asked over a network, nor is any program
// run, unless that is allowed.
func (k *kustomize) build(ctx context.Context, report *reporter) (*archive.Spool, string, error) {
	files := &seenFiles{FileSystem: filesys.MakeFsOnDisk(), allowRemote: k.allowRemote}
	type result struct {
		text []byte
		err  error
	}
	built, err := await(ctx, func() (result, error) {
		restore, err := k.enclose()
		if err != nil {
			return result{}, err
		}
		defer restore()
		options := krusty.MakeDefaultOptions()
		options.Reorder = krusty.ReorderOptionUnspecified // as kubectl kustomize has it
		all, err := krusty.MakeKustomizer(options).Run(files, k.folder)
		if err != nil {
			return result{err: err}, nil
		}
		text, err := all.AsYaml()
		return result{text, err}, nil
	})
	switch {
	case err != nil:
		return nil, "", err
	case files.refused() != nil:
		return nil, "", &hintedError{fmt.Errorf("build %q: %w", k.folder, files.refused()), remoteHint}
	case built.err != nil && !k.allowRemote && isRemoteFailure(built.err):
		return nil, "", &hintedError{fmt.Errorf("build %q: %w", k.folder, errRemote), remoteHint}
	case built.err != nil:
		return nil, "", fmt.Errorf("build %q: %s", k.folder, inAddress.ReplaceAllString(oneLine(built.err), "://"))
	case len(built.text) == 0:
		return nil, "", fmt.Errorf("build %q: nothing came of it", k.folder)
	}
	spool := archive.NewSpool(spoolMemory)
	if _, err := spool.Write(built.text); err != nil {
		return nil, "", errors.Join(err, spool.Close())
	}
	report.line("built %s, %s", k.folder, size(int64(len(built.text))))
	return spool, files.around(), nil
}

// enclose keeps kustomize, which takes no client and no path of programs, from the network: what it would use is out of reach until
// restore is called. Where it may go there, what it leaves behind lies in a folder that restore removes.
func (k *kustomize) enclose() (restore func(), err error) {
	if k.allowRemote {
		return setTemporary()
	}
	transport, programs := http.DefaultTransport, os.Getenv("PATH")
	http.DefaultTransport = refusing{}
	err = os.Setenv("PATH", "")
	return func() {
		http.DefaultTransport = transport
		_ = os.Setenv("PATH", programs)
	}, err
}

func setTemporary() (restore func(), err error) {
	folder, err := os.MkdirTemp("", "kubectl-oci-*")
	if err != nil {
		return nil, err
	}
	former, ok := os.LookupEnv("TMPDIR")
	err = os.Setenv("TMPDIR", folder)
	return func() {
		_ = os.Unsetenv("TMPDIR")
		if ok {
			_ = os.Setenv("TMPDIR", former)
		}
		_ = os.RemoveAll(folder)
	}, err
}

// refusing is a network that nobody may use.
type refusing struct{}

func (refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), errRemote)
}

func isRemoteFailure(err error) bool {
	return errors.Is(err, errRemote) || strings.Contains(err.Error(), errRemote.Error()) || strings.Contains(err.Error(), "no 'git' program on path")
}

// seenFiles is the disk, which notes what was read, and stops at kustomizations that name what is elsewhere: kustomize itself would say
// that in many lines.
type seenFiles struct {
	filesys.FileSystem
	allowRemote bool

	mu     sync.Mutex
	shared string // folder around all files
	err    error
}

// ReadFile reads a file of the disk.
func (s *seenFiles) ReadFile(path string) ([]byte, error) {
	text, err := s.FileSystem.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(path)
	if s.allowRemote || !isKustomization(path) {
		return text, nil
	}
	if err := checkLocal(path, text); err != nil {
		s.err = err
		return nil, err
	}
	return text, nil
}

func (s *seenFiles) note(path string) {
	path, err := filepath.Abs(path)
	if err != nil {
		return
	}
	dir := filepath.Dir(path)
	if s.shared == "" {
		s.shared = dir
	}
	for s.shared != dir && !strings.HasPrefix(dir, strings.TrimSuffix(s.shared, string(filepath.Separator))+string(filepath.Separator)) {
		s.shared = filepath.Dir(s.shared)
	}
}

func (s *seenFiles) refused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *seenFiles) around() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shared
}

func isKustomization(path string) bool {
	switch filepath.Base(path) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

// elsewhere is how a resource is written that is no path: an address, or a repository as git clones it.
var elsewhere = regexp.MustCompile(`^[a-zA-Z0-9+]+::|^[a-zA-Z][a-zA-Z0-9+.-]*://|^[^/]+@[^/]+:|^(github\.com|gh:)|[?&](ref|version|timeout|submodules)=`)

// inAddress is a user and a password in an address.
var inAddress = regexp.MustCompile(`://[^/@\s]+@`)

// said is an address as others may read it; empty where it may hide a secret.
func said(address string) string {
	if address = published(address); address == "" {
		return ""
	}
	return fmt.Sprintf(": %.200q", address)
}

func checkLocal(path string, text []byte) error {
	var k struct {
		Resources, Bases, Components, Crds, Configurations []string
	}
	if yaml.Unmarshal(text, &k) != nil {
		return nil //nolint:nilerr // kustomize says it better
	}
	for _, list := range [][]string{k.Resources, k.Bases, k.Components, k.Crds, k.Configurations} {
		for _, entry := range list {
			if elsewhere.MatchString(entry) {
				return fmt.Errorf("%s: %w%s", path, errRemote, said(entry))
			}
		}
	}
	return nil
}
