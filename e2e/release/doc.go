// Package release tests what a release is made of: the plugin's archives, as krew installs them, and the agent's image. Each is built
// twice, from trees in different folders and by users of different habits, and has to be the same.
//
// Both builds share Go's build cache: that the compiler gives the same bytes for the same input is Go's promise, and what would make the input
// another one, as a path, is in the cache's keys. `make release-check` builds without it.
package release
