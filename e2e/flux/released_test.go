package flux_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// newestRelease of source-controller. Its API package needs a newer Go than this module, the definition in it does not.
const newestRelease = "github.com/fluxcd/source-controller@v1.10.1"

// releasedDefinition is that of the newest release, out of its Go module.
func releasedDefinition(ctx context.Context) (*apiextensionsv1.CustomResourceDefinition, error) {
	out, downloadErr := exec.CommandContext(ctx, "go", "mod", "download", "-json", newestRelease).Output() // fails for the Go version, afterwards
	var module struct{ Zip string }
	if err := json.Unmarshal(out, &module); err != nil || module.Zip == "" {
		return nil, fmt.Errorf("download %s: %w: %s", newestRelease, downloadErr, out)
	}
	archive, err := zip.OpenReader(module.Zip)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	file, err := archive.Open(newestRelease + "/config/crd/bases/source.toolkit.fluxcd.io_ocirepositories.yaml")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	d := &apiextensionsv1.CustomResourceDefinition{}
	return d, yaml.UnmarshalStrict(raw, d)
}
