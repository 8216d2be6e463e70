package controlplane

import "context"

// Krew returns a folder with krew, under the name by which kubectl finds it, and with what its index checks manifests with,
// validate-krew-manifest; built now or before. The control plane does not need them.
func (b *Builder) Krew(ctx context.Context) (string, error) {
	return b.component(ctx, component{
		name: "krew", module: "krew", programs: map[string]string{
			"kubectl-krew":           "sigs.k8s.io/krew/cmd/krew",
			"validate-krew-manifest": "sigs.k8s.io/krew/cmd/validate-krew-manifest",
		}, cost: "half a minute",
	})
}
