package flux_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// shippedDefinition is ours.
func shippedDefinition() (*apiextensionsv1.CustomResourceDefinition, error) {
	raw, err := os.ReadFile(filepath.Join(root, "manifests", "crd", "source.toolkit.fluxcd.io_ocirepositories.yaml"))
	if err != nil {
		return nil, err
	}
	d := &apiextensionsv1.CustomResourceDefinition{}
	return d, yaml.UnmarshalStrict(raw, d)
}

// define makes or changes definitions and waits until they are served.
func (c *cluster) define(ctx context.Context, definitions ...*apiextensionsv1.CustomResourceDefinition) error {
	var text strings.Builder
	wait := []string{"wait", "--for=condition=Established", "--timeout=60s"}
	for _, d := range definitions {
		raw, err := yaml.Marshal(d)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "---\n%s", raw)
		wait = append(wait, "crd/"+d.Name)
	}
	if _, err := c.kubectl(ctx, text.String(), "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		return err
	}
	_, err := c.kubectl(ctx, "", wait...)
	return err
}
