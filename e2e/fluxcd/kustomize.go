package fluxcd

import (
	"context"
	"os"
	"path/filepath"

	"github.com/kubectl-oci/kubectl-oci/e2e/process"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// StartKustomizeController runs the program as Flux's own Deployment does, but for the waits: the defaults are 9 tries to download an
// artifact, five seconds and more apart, and half a minute until it looks for a missing one again. Its log and its temporary files lie
// in dir. Stop must be called.
func StartKustomizeController(ctx context.Context, path, kubeconfig, dir string) (*process.Process, error) {
	health, err := product.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	return process.Start(process.Command{
		Name: "kustomize-controller",
		Path: path,
		Args: []string{"--metrics-addr=0", "--health-addr=" + health, "--requeue-dependency=1s", "--http-retry=1", "--no-remote-bases"},
		Env:  append(os.Environ(), "KUBECONFIG="+kubeconfig, "RUNTIME_NAMESPACE=flux-system", "TMPDIR="+dir),
		Log:  filepath.Join(dir, "kustomize-controller.log"),
	})
}
