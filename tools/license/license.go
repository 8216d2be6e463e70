// Package license collects the texts that the licences of other people's code in a program want to go with it: licences, notices, grants of
// patents, and the authors that these speak of.
//
// What counts is what is linked: the texts beside a package and in the folders above it, up to its module's own. A module without a licence
// is an error, since nobody may pass it on. The same program gives the same bytes.
package license

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// Name is that of the file in what is shipped.
const Name = "THIRD_PARTY_LICENSES.txt"

var (
	textPattern    = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents|authors)([.-].*)?$`)
	licencePattern = regexp.MustCompile(`(?i)^(licen[cs]e|copying)`)
)

// Of gives the texts for the program that is built of a package, as in ./cmd/agent, for a platform. A text that several modules have is told once.
func Of(ctx context.Context, origin build.Origin, pkg string, on build.Platform) ([]byte, error) {
	packages, err := origin.Packages(ctx, pkg, on)
	if err != nil {
		return nil, err
	}
	users := map[string][]string{} // by text, "module version: file"
	for module, folders := range others(packages, origin) {
		if err := collect(users, module, folders); err != nil {
			return nil, fmt.Errorf("collect licences of %s: %w", module.Path, err)
		}
	}
	return write(users), nil
}

// others gives, by module, the folders of its packages; our own modules have our licence.
func others(packages []build.Package, origin build.Origin) map[build.Module][]string {
	folders := map[build.Module][]string{}
	for _, p := range packages {
		if !within(p.Dir, origin.Root) {
			folders[p.Module] = append(folders[p.Module], p.Dir)
		}
	}
	return folders
}

func within(path, root string) bool {
	rest, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rest)
}

// collect adds the texts in the folders of a module and above.
func collect(users map[string][]string, module build.Module, folders []string) error {
	seen, licensed := map[string]bool{}, false
	for _, dir := range folders {
		for ; within(dir, module.Dir) && !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			names, err := texts(dir)
			if err != nil {
				return err
			}
			for _, name := range names {
				content, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					return err
				}
				where, err := filepath.Rel(module.Dir, filepath.Join(dir, name))
				if err != nil {
					return err
				}
				text := strings.TrimSpace(strings.ReplaceAll(string(content), "\r\n", "\n"))
				users[text] = append(users[text], fmt.Sprintf("%s %s: %s", module.Path, module.Version, filepath.ToSlash(where)))
				licensed = licensed || licencePattern.MatchString(name)
			}
		}
	}
	if !licensed {
		return fmt.Errorf("there is none in %s", module.Dir)
	}
	return nil
}

// texts names the files of a folder that are asked for.
func texts(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type().IsRegular() && textPattern.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func write(users map[string][]string) []byte {
	for text := range users {
		slices.Sort(users[text])
	}
	ordered := slices.SortedFunc(maps.Keys(users), func(a, b string) int { return cmp.Compare(users[a][0], users[b][0]) })
	var b bytes.Buffer
	b.WriteString("Software of others in this program, and the terms on which it is passed on. Each text stands below the modules that have it, once.\n" +
		"The source of a module is had by its name and version: go mod download NAME@VERSION.\n")
	for _, text := range ordered {
		fmt.Fprintf(&b, "\n%s\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(users[text], "\n"), strings.Repeat("-", 80), text)
	}
	return b.Bytes()
}
