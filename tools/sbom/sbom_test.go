package sbom

import (
	"bytes"
	"os"
	"path/filepath"
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
