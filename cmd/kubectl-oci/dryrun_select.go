package main

import (
	"path"
	"slices"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// selecting finds which objects of an artifact are applied: those that a kustomization.yaml lists, where there is one, as kustomize-controller
// does. One that does more than list is not built here.
type selecting struct {
	set    *resource.Set
	seen   map[string]bool
	failed []resource.Object // kustomizations that have to be built
	chosen []resource.Object
}

// applied gives the objects below a folder, empty: of all, that would be applied, and the kustomizations that would have to be built first.
func applied(set *resource.Set, folder string) (objects, toBuild []resource.Object) {
	s := &selecting{set: set, seen: map[string]bool{}}
	s.folder(folder)
	return s.chosen, s.failed
}

const groupBuild = "kustomize.config.k8s.io"

// kustomizationNames are those under which kustomize looks for one in a folder.
func kustomizationNames() []string {
	return []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
}

func (s *selecting) folder(folder string) {
	if s.seen[folder] {
		return
	}
	s.seen[folder] = true
	if k, ok := s.kustomization(folder); ok {
		s.listed(folder, k)
		return
	}
	var below []string
	for _, o := range s.set.Objects {
		rest, inside := within(folder, o.File)
		if !inside {
			continue
		}
		if nested := s.nested(folder, rest); nested != "" {
			if !slices.Contains(below, nested) {
				below = append(below, nested)
			}
			continue
		}
		s.chosen = append(s.chosen, o)
	}
	for _, nested := range below {
		s.folder(nested)
	}
}

// nested is the highest folder on the way to a file that has a kustomization of its own; empty: none.
func (s *selecting) nested(folder, rest string) string {
	for i, r := range rest {
		if r != '/' {
			continue
		}
		at := path.Join(folder, rest[:i])
		if _, ok := s.kustomization(at); ok {
			return at
		}
	}
	return ""
}

// listed takes the files and folders that a kustomization names.
func (s *selecting) listed(folder string, k resource.Object) {
	resources, ok := plain(k)
	if !ok {
		s.failed = append(s.failed, k)
		return
	}
	for _, r := range resources {
		at := path.Join(folder, r)
		found := false
		for _, o := range s.set.Objects {
			if o.File == at && !s.seen[at] {
				s.chosen, found = append(s.chosen, o), true
			}
		}
		if found {
			s.seen[at] = true
		} else {
			s.folder(at)
		}
	}
}

// plain gives what a kustomization lists, where it does nothing else.
func plain(k resource.Object) (resources []string, ok bool) {
	for field := range k.Content {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "resources"}, field) {
			return nil, false
		}
	}
	list, _ := k.Content["resources"].([]any)
	for _, r := range list {
		text, isText := r.(string)
		if !isText || strings.Contains(text, "://") || strings.Contains(text, "?") {
			return nil, false
		}
		resources = append(resources, text)
	}
	return resources, true
}

// kustomization gives that of a folder; one that does not say what it is has nothing to look at.
func (s *selecting) kustomization(folder string) (resource.Object, bool) {
	for _, name := range kustomizationNames() {
		file := path.Join(folder, name)
		for _, o := range s.set.Objects {
			if o.File == file && o.Group == groupBuild {
				return o, true
			}
		}
		if slices.Contains(s.set.Others, file) {
			return resource.Object{ID: resource.ID{Group: groupBuild, Kind: "Kustomization"}, File: file, Content: map[string]any{"": nil}}, true
		}
	}
	return resource.Object{}, false
}

// within tells whether a file is in a folder, or below it, and what its path is there.
func within(folder, file string) (rest string, inside bool) {
	if folder == "" {
		return file, true
	}
	return strings.CutPrefix(file, folder+"/")
}
