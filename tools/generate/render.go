package main

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// rendered holds what kubectl kustomize makes of each profile: the plugin has these files in it, so that it needs no kustomize.
const rendered = "manifests/rendered"

// profiles gives, by the name of each profile, the folder that it is made of.
func profiles() map[string]string {
	const overlays = "manifests/overlays"
	folders := map[string]string{"default": "manifests"}
	for _, name := range []string{"beside-flux", "replace-source-controller", "with-kustomize-controller", "tenant", "mirror"} {
		folders[name] = filepath.Join(overlays, name)
	}
	return folders
}

func renderedFile(profile string) string { return filepath.Join(rendered, profile+".yaml") }

func render() error {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy // as kubectl kustomize does it: what others need comes first
	for profile, folder := range profiles() {
		objects, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
		if err != nil {
			return fmt.Errorf("build %s: %w", folder, err)
		}
		raw, err := objects.AsYaml()
		if err != nil {
			return fmt.Errorf("write objects of %s: %w", folder, err)
		}
		if err := os.WriteFile(renderedFile(profile), raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}
