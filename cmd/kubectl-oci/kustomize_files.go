package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// seenFiles is the disk, which notes what was read, and stops at kustomizations that name what is elsewhere: kustomize itself would say
// that in many lines.
type seenFiles struct {
	filesys.FileSystem
	allowRemote bool

	mu     sync.Mutex
	shared string // folder around all files
	reads  int
	bytes  int64
	err    error // why nothing more is read
}

// Bounds of all that is read, a file counting as often as it is read.
const (
	maxBuildReads = 20_000
	maxBuildBytes = 256 << 20
)

// ReadFile reads a file of the disk, within the bounds. The first refusal is final.
func (s *seenFiles) ReadFile(path string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := s.read(path)
	switch {
	case s.err != nil:
		return nil, s.err
	case err != nil:
		return nil, err
	}
	s.note(path)
	if err := resource.Check(path, text); errors.Is(err, resource.ErrExpands) {
		s.err = err
	} else if !s.allowRemote && isKustomization(path) {
		s.err = checkLocal(path, text)
	}
	return text, s.err
}

// read leaves to kustomize what is not there, or is a folder; what never ends is no file.
func (s *seenFiles) read(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return s.FileSystem.ReadFile(path)
	} else if !info.Mode().IsRegular() {
		s.err = fmt.Errorf("%s: it is no regular file", path)
		return nil, s.err
	}
	left := maxBuildBytes - s.bytes
	text, err := readBounded(path, min(left, resource.MaxFile))
	s.bytes += int64(len(text))
	if s.reads++; s.reads > maxBuildReads {
		err = fmt.Errorf("more than %d files are read", maxBuildReads)
	}
	if err != nil {
		s.err = fmt.Errorf("%s: %w", path, err)
	}
	return text, err
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

// isElsewhere tells an address, or a repository as git clones it, from a path.
func isElsewhere(entry string) bool {
	address := regexp.MustCompile(`^[a-zA-Z0-9+]+::|^[a-zA-Z][a-zA-Z0-9+.-]*://|^[^/]+@[^/]+:|^(github\.com[/:]|gh:)|[?&](ref|version|timeout|submodules)=`)
	return address.MatchString(entry)
}

// withoutSecrets cuts from each address in a text who asks, and what is asked for, either of which may be a secret.
func withoutSecrets(text string) string {
	return regexp.MustCompile(`(:/+)(?:[^/@\s]+@)?([^\s?'"]*)(?:\?[^\s'"]*)?`).ReplaceAllString(text, "$1$2")
}

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
			if isElsewhere(entry) {
				return fmt.Errorf("%s: %w%s", path, errRemote, said(entry))
			}
		}
	}
	return nil
}
