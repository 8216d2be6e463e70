package main

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// manifest is what a krew index says of a plugin, https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string     `json:"version"`
		Homepage         string     `json:"homepage"`
		ShortDescription string     `json:"shortDescription"`
		Description      string     `json:"description"`
		Caveats          string     `json:"caveats"`
		Platforms        []platform `json:"platforms"`
	} `json:"spec"`
}

type platform struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	URI    string `json:"uri"`
	SHA256 string `json:"sha256"`
	Bin    string `json:"bin"`
}

// unfilled is the manifest as it is in the repository.
func unfilled(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../krew.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// sumsOf gives sums of the archives that a release has.
func sumsOf(t *testing.T) map[string]string {
	t.Helper()
	o, err := parse([]string{"-version", "v1.2.3", "-to", "x"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	r := &release{options: o, sums: map[string]string{}}
	for i, p := range o.platforms {
		r.sums["kubectl-oci_"+p.OS+"_"+p.Arch+extension(p)] = strings.Repeat("0123456789abcdef"[i:i+1], 64)
	}
	return r.archives()
}

func parsed(t *testing.T, raw []byte) manifest {
	t.Helper()
	var m manifest
	if err := yaml.UnmarshalStrict(raw, &m); err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return m
}

func TestFilledManifestIsWhatKrewTakes(t *testing.T) {
	t.Parallel()
	sums := sumsOf(t)
	for _, name := range []string{"oci", "oci-artifacts"} {
		raw, err := fill(unfilled(t), filling{plugin: name, version: "v1.2.3", sums: sums})
		if err != nil {
			t.Fatal(err)
		}
		m := parsed(t, raw)
		if m.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || m.Kind != "Plugin" {
			t.Errorf("it is a %s of %s", m.Kind, m.APIVersion)
		}
		if m.Metadata.Name != name || m.Spec.Version != "v1.2.3" {
			t.Errorf("it is %s %s, want %s v1.2.3", m.Metadata.Name, m.Spec.Version, name)
		}
		if d := m.Spec.ShortDescription; d == "" || len(d) > 50 || strings.ContainsAny(d, "\r\n") {
			t.Errorf("the short description %q has %d bytes, or several lines", d, len(d))
		}
		if advice := strings.Contains(m.Spec.Caveats, "kubectl oci "); advice != (name == "oci") {
			t.Errorf("%s: the caveats are %q, of which a command is only there by the name of oci", name, m.Spec.Caveats)
		}
		if m.Spec.Homepage == "" || m.Spec.Description == "" {
			t.Error("homepage and description are missing")
		}
		checkPlatforms(t, m.Spec.Platforms, sums)
	}
}

func checkPlatforms(t *testing.T, platforms []platform, sums map[string]string) {
	t.Helper()
	sha256 := regexp.MustCompile(`^[0-9a-f]{64}$`)
	seen := map[string]bool{}
	for _, p := range platforms {
		labels := p.Selector.MatchLabels
		on := labels["os"] + "_" + labels["arch"]
		if len(labels) != 2 || seen[on] {
			t.Errorf("the selector %v is not of one platform, or not the only one", labels)
		}
		seen[on] = true
		suffix, bin := ".tar.gz", "kubectl-oci"
		if labels["os"] == "windows" {
			suffix, bin = ".zip", "kubectl-oci.exe"
		}
		want := "https://github.com/kubectl-oci/kubectl-oci/releases/download/v1.2.3/kubectl-oci_" + on + suffix
		if p.URI != want {
			t.Errorf("%s: uri is %s, want %s", on, p.URI, want)
		}
		if p.Bin != bin {
			t.Errorf("%s: bin is %s, want %s", on, p.Bin, bin)
		}
		if p.SHA256 != sums[path.Base(p.URI)] || !sha256.MatchString(p.SHA256) {
			t.Errorf("%s: sha256 is %q, want %q", on, p.SHA256, sums[path.Base(p.URI)])
		}
	}
	if len(seen) != 6 {
		t.Errorf("there are %d platforms, want 6", len(seen))
	}
}

func TestFillTakesPlatformsThatWereMade(t *testing.T) {
	t.Parallel()
	const one = "kubectl-oci_darwin_arm64.tar.gz"
	raw, err := fill(unfilled(t), filling{
		plugin: "oci", version: "v1.2.3-rc.1", url: "https://mirror.example.com/oci/", sums: map[string]string{one: sumsOf(t)[one]},
	})
	if err != nil {
		t.Fatal(err)
	}
	platforms := parsed(t, raw).Spec.Platforms
	if len(platforms) != 1 || platforms[0].URI != "https://mirror.example.com/oci/"+one {
		t.Errorf("got %+v", platforms)
	}
	if strings.Contains(string(raw), "v0.0.0") || strings.Contains(string(raw), strings.Repeat("0", 64)) {
		t.Errorf("something was not filled:\n%s", raw)
	}
}

func TestFillRefuses(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct {
		raw  string
		sums map[string]string
	}{
		"an archive that nobody would install": {"spec: {version: v0.0.0, platforms: []}", map[string]string{"a.zip": "0"}},
		"a platform twice":                     {"spec: {platforms: [{uri: x/a.zip}, {uri: x/a.zip}]}", map[string]string{"a.zip": "0"}},
		"no YAML":                              {"\t", nil},
		"an empty file":                        {"", nil},
	} {
		if got, err := fill([]byte(f.raw), filling{sums: f.sums}); err == nil {
			t.Errorf("%s: no error, but\n%s", name, got)
		}
	}
}
