package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

func TestOfProgram(t *testing.T) {
	t.Parallel()
	origin := build.Origin{Root: "..", Version: "v1.2.3", Revision: strings.Repeat("a", 40), Created: time.Unix(1_700_000_000, 0).UTC()}
	path := filepath.Join(t.TempDir(), "program")
	if err := origin.Compile(t.Context(), "./release", build.Platform{OS: "linux", Arch: "arm64"}, path); err != nil {
		t.Fatal(err)
	}
	raw, err := Of(path, "thing", origin)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Of(path, "thing", origin)
	if err != nil || !bytes.Equal(raw, again) {
		t.Errorf("the second time it is another one, or %v", err)
	}
	bom := &cyclonedx.BOM{}
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(raw), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	if c := bom.Metadata.Component; c.Name != "thing" || c.Version != "v1.2.3" || bom.Metadata.Timestamp != "2023-11-14T22:13:20Z" {
		t.Errorf("it describes %s %s of %s", c.Name, c.Version, bom.Metadata.Timestamp)
	}
	if got := *bom.Metadata.Component.Properties; !slices.Contains(got, cyclonedx.Property{Name: "cdx:gomod:build:env:GOARCH", Value: "arm64"}) {
		t.Errorf("it does not say for which platform the program is: %v", got)
	}
	listed := map[string]int{}
	for _, c := range *bom.Components {
		listed[c.Name]++
		if c.Name != "std" && c.Hashes == nil {
			t.Errorf("%s has no hash", c.Name)
		}
	}
	if listed["std"] != 1 || listed["github.com/CycloneDX/cyclonedx-go"] != 1 {
		t.Errorf("it lists %v", listed)
	}
}

// A module that is replaced by a folder of ours is ours: nobody finds a folder's name in a database of faults, and those of the original
// are not in the program.
func TestReplacedModules(t *testing.T) {
	t.Parallel()
	sum := "h1:" + base64.StdEncoding.EncodeToString(make([]byte, sha256.Size))
	origin := build.Origin{Version: "v1.2.3"}
	main := debug.Module{Path: "example.com/main", Version: "(devel)"}
	original := debug.Module{Path: "example.com/a", Version: "v1.0.0"}
	for name, c := range map[string]struct {
		by         debug.Module
		name, purl string
		hashed     bool
	}{
		"by a folder":          {debug.Module{Path: "./replaced/a", Version: "(devel)"}, "example.com/a", "pkg:golang/example.com/main@v1.2.3#replaced/a", false},
		"by a module":          {debug.Module{Path: "example.com/fork", Version: "v1.0.1", Sum: sum}, "example.com/fork", "pkg:golang/example.com/fork@v1.0.1", true},
		"by another of itself": {debug.Module{Path: "example.com/a", Version: "v0.9.0", Sum: sum}, "example.com/a", "pkg:golang/example.com/a@v0.9.0", true},
	} {
		replaced := original
		replaced.Replace = &c.by
		got := libraries(&debug.BuildInfo{Main: main, Deps: []*debug.Module{&replaced}}, origin)[0]
		if got.Name != c.name || got.PackageURL != c.purl || (got.Hashes != nil) != c.hashed {
			t.Errorf("%s: it is %q, %s, %v", name, got.Name, got.PackageURL, got.Hashes)
		}
		if got.Pedigree == nil || (*got.Pedigree.Ancestors)[0].PackageURL != "pkg:golang/example.com/a@v1.0.0" {
			t.Errorf("%s: it does not say in whose place it is: %+v", name, got.Pedigree)
		}
	}
}

func TestOfWhatIsNoProgram(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/text"
	if err := os.WriteFile(path, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Of(path, "thing", build.Origin{}); err == nil {
		t.Error("no error")
	}
}
