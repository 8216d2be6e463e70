package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The agent's image in what a profile comes to: nothing else there runs one.
var imagePattern = regexp.MustCompile(`(?m)^ +(?:- )?image: (\S+)$`)

// checkManifests refuses a release whose plugin would install the agent of another one.
func checkManifests(root, version string) error {
	paths, err := filepath.Glob(filepath.Join(root, "manifests", "rendered", "*.yaml"))
	if err != nil || len(paths) == 0 {
		return errors.Join(errors.New("there are no profiles in manifests/rendered"), err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		images := imagePattern.FindAllSubmatch(raw, -1)
		if len(images) == 0 {
			return fmt.Errorf("%s installs no image", filepath.Base(path))
		}
		for _, image := range images {
			if !strings.HasSuffix(string(image[1]), ":"+version) {
				return fmt.Errorf("%s installs %s, not the agent of %[3]s: write newTag: %[3]s in manifests/agent/kustomization.yaml, then make generate, and commit",
					filepath.Base(path), image[1], version)
			}
		}
	}
	return nil
}
