// Package manifests holds what installs the agent, as kubectl kustomize makes it of the folders here: the same objects, for whoever has this
// package and not the folders.
//
//   - [Files] has a file NAME.yaml for each profile: default is this folder itself, the others are those below overlays/.
//
// The files are generated (make generate), and checked to be up to date.
package manifests

import (
	"embed"
	"io/fs"
)

//go:embed rendered/*.yaml
var rendered embed.FS

// Files gives the files, whose objects come in the order in which they can be made.
func Files() fs.FS {
	files, err := fs.Sub(rendered, "rendered")
	if err != nil {
		panic(err) // the name is no path
	}
	return files
}
