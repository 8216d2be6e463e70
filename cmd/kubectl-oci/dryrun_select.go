package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// selecting finds which objects of an artifact are applied: those that a kustomization.yaml lists, where there is one, as kustomize-controller
// does. One that does more than list is not built here.
type selecting struct {
	set     *resource.Set
	unread  map[string]error          // files that cannot be read
	lists   map[string]map[string]any // what is in files with the name of a kustomization
	seen    map[string]bool
	refused []refusal
	chosen  []resource.Object
}

// refusal is what fails the whole of what kustomize-controller does with an artifact.
type refusal struct {
	resource.Object // a kustomization, or only a file
	err             error
}

// applied gives the objects below a folder, empty: of all, that would be applied, and what keeps kustomize-controller, or us, from that.
// The files that cannot be read count only where they would be applied.
func (s *selecting) applied(folder string) (objects []resource.Object, refused []refusal) {
	s.seen = map[string]bool{}
	if folder != "" && !s.has(folder) {
		return nil, []refusal{{resource.Object{File: folder}, errNotThere}}
	}
	s.folder(folder)
	return s.chosen, s.refused
}

var (
	errNotThere = errors.New("it is not in the artifact")
	errNoBuild  = errors.New("it is a folder without a kustomization.yaml, which kustomize does not take")
)

func (s *selecting) refuse(file string, err error) {
	s.refused = append(s.refused, refusal{resource.Object{File: file}, err})
}

// has tells whether there is anything in a folder.
func (s *selecting) has(folder string) bool {
	for _, o := range s.set.Objects {
		if _, inside := within(folder, o.File); inside {
			return true
		}
	}
	for _, file := range s.set.Others {
		if _, inside := within(folder, file); inside {
			return true
		}
	}
	return false
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
	for _, file := range slices.Sorted(maps.Keys(s.unread)) {
		if rest, inside := within(folder, file); inside && s.nested(folder, rest) == "" {
			s.refuse(file, s.unread[file])
		}
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
		s.refused = append(s.refused, refusal{k, errToBuild})
		return
	}
	for _, r := range resources {
		s.entry(folder, r)
	}
}

// entry takes a file, or a folder, that a kustomization names.
func (s *selecting) entry(folder, name string) {
	at := path.Join(folder, name)
	if path.IsAbs(name) {
		at = name
	}
	if s.seen[at] {
		return
	}
	var found []resource.Object
	for _, o := range s.set.Objects {
		if o.File == at {
			found = append(found, o)
		}
	}
	_, isBuilt := s.kustomization(at)
	switch {
	case s.unread[at] != nil:
		s.refuse(at, s.unread[at])
	case isBuilt:
		s.folder(at)
		return
	case len(found) == 0 && s.has(at):
		s.refuse(at, errNoBuild)
	case len(found) == 0 && !slices.Contains(s.set.Others, at):
		s.refuse(at, errNotThere)
	}
	s.seen[at], s.chosen = true, append(s.chosen, found...)
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

// kustomization gives that of a folder. It need not say what it is.
func (s *selecting) kustomization(folder string) (resource.Object, bool) {
	for _, name := range kustomizationNames() {
		file := path.Join(folder, name)
		if content, ok := s.lists[file]; ok {
			return resource.Object{ID: resource.ID{Group: groupBuild, Kind: "Kustomization"}, File: file, Line: 1, Content: content}, true
		}
	}
	return resource.Object{}, false
}

// selecting reads what has to be known of an archive to say what of it is applied.
func (p *packed) selecting(ctx context.Context) (*selecting, error) {
	set, unread, err := p.objects(ctx, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	s := &selecting{set: set, unread: unread, lists: map[string]map[string]any{}}
	return s, p.walk(ctx, func(f archive.File, contents io.Reader) error {
		if !slices.Contains(kustomizationNames(), path.Base(f.Name)) || f.Target != "" {
			return nil
		}
		text, err := io.ReadAll(io.LimitReader(contents, resource.MaxDocument))
		if err != nil {
			return err
		}
		content := map[string]any{}
		if bad := cmp.Or(resource.Check(f.Name, text), yaml.Unmarshal(text, &content)); bad != nil {
			content = map[string]any{"": nil} // one that has to be built
		}
		s.lists[f.Name] = content
		return nil
	})
}

// within tells whether a file is in a folder, or below it, and what its path is there.
func within(folder, file string) (rest string, inside bool) {
	if folder == "" {
		return file, true
	}
	return strings.CutPrefix(file, folder+"/")
}
