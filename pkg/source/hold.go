package source

import (
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// hold gives what a run goes on with: what was found, or what is advertised, as if the reference named it still, and the revision
// that has to wait. Only a tag can move on by itself, and what is advertised from another repository is nothing to hold on to.
func hold(found resolved, repository registry.Reference, req Request) (next resolved, waiting string) {
	a := req.Advertised
	elsewhere := a.Place != "" && !strings.HasPrefix(a.Place, repository.Name()+"@")
	if !req.Hold || found.pinned || elsewhere || found.revision == a.Revision || found.descriptor.Digest == req.Adopt {
		return found, ""
	}
	d, err := digest.Parse(a.Revision[strings.LastIndexByte(a.Revision, '@')+1:])
	if err != nil {
		return found, ""
	}
	return resolved{revision: a.Revision, descriptor: ocispec.Descriptor{Digest: d}}, found.revision
}
