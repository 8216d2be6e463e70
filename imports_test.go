package kubectloci_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kubectl-oci/kubectl-oci/"

// levels orders the rooms of the house: a package may import only packages of a lower level.
var levels = map[string]int{
	"manifests":         0,
	"pkg/api/source/v1": 0,
	"pkg/archive":       0,
	"pkg/artifact":      0,
	"pkg/pattern":       0,
	"pkg/edit":          0,
	"pkg/policy":        0,
	"pkg/resource":      0,
	"pkg/start":         0,
	"pkg/status":        0,
	"pkg/store":         0,
	"pkg/layout":        1,
	"pkg/registry":      1,
	"pkg/cloud":         2,
	"pkg/ambient":       2,
	"pkg/signature":     2,
	"pkg/transfer":      2,
	"pkg/source":        3,
	"pkg/attempt":       4,
	"pkg/controller":    5,
	"pkg/server":        5,
	"cmd/agent":         6,
	"cmd/kubectl-oci":   6,
}

// reserved names, for prefixes of import paths, the only rooms that may import them.
var reserved = []struct {
	prefix string
	rooms  []string
}{
	{"github.com/google/go-containerregistry/", []string{"pkg/registry", "pkg/signature", "pkg/source"}},
	{"k8s.io/", []string{"pkg/api/source/v1", "pkg/resource", "pkg/cloud", "pkg/attempt", "pkg/controller", "cmd/agent", "cmd/kubectl-oci"}},
	{"sigs.k8s.io/", []string{"pkg/api/source/v1", "pkg/resource", "pkg/cloud", "pkg/attempt", "pkg/controller", "cmd/agent", "cmd/kubectl-oci"}},
}

// Imports point to a lower level, never sideways or up, and nobody imports cmd.
func TestImports(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	checked := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		room, ok := strings.CutPrefix(fields[0], module)
		if !ok {
			continue // the root, which has tests only
		}
		level, known := levels[room]
		if !known {
			t.Errorf("%s is no room of the house: give it a level", room)
			continue
		}
		checked++
		for _, path := range fields[1:] {
			checkImport(t, room, level, path)
		}
	}
	if checked < 5 {
		t.Errorf("only %d rooms were found", checked)
	}
}

func checkImport(t *testing.T, room string, level int, path string) {
	t.Helper()
	if other, ours := strings.CutPrefix(path, module); ours && levels[other] >= level {
		t.Errorf("%s (level %d) imports %s (level %d): imports point to a lower level", room, level, other, levels[other])
	}
	for _, r := range reserved {
		if strings.HasPrefix(path, r.prefix) && !slices.Contains(r.rooms, room) {
			t.Errorf("%s imports %s: only %s may", room, path, strings.Join(r.rooms, ", "))
		}
	}
}

// heavy are packages, and all below them, that the plugin must not link: what they do before main begins would be waited for with every
// command, help and each completion too.
var heavy = map[string]string{
	"sigs.k8s.io/controller-runtime":      "registers the kinds of all APIs: take k8s.io/client-go/dynamic",
	"k8s.io/client-go/kubernetes":         "registers the kinds of all APIs: take k8s.io/client-go/dynamic",
	"k8s.io/client-go/informers":          "links the clients of all APIs: take k8s.io/client-go/dynamic",
	"github.com/fluxcd/pkg/auth":          "links controller-runtime: pkg/ambient logs in at clouds",
	"k8s.io/kubectl":                      "links the clients of all APIs",
	"github.com/prometheus/client_golang": "registers its metrics",
}

// The plugin starts fast: docs/performance.md has the figures.
func TestPluginLinksNothingHeavy(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/kubectl-oci").Output()
	if err != nil {
		t.Fatalf("list what the plugin links: %v", err)
	}
	linked := strings.Fields(string(out))
	if len(linked) < 100 {
		t.Fatalf("it links only %d packages", len(linked))
	}
	for _, path := range linked {
		for prefix, why := range heavy {
			if path == prefix || strings.HasPrefix(path, prefix+"/") {
				t.Errorf("the plugin links %s, which %s: go list -deps -f '{{.ImportPath}} {{.Imports}}' ./cmd/kubectl-oci says through what", path, why)
			}
		}
	}
}
