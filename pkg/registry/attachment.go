package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// IsAttachmentTag is [artifact.IsAttachmentTag]; [FallbackTag] makes such tags.
func IsAttachmentTag(tag string) bool { return artifact.IsAttachmentTag(tag) }

// attachmentSuffixes follow [FallbackTag] in the tags under which cosign keeps, or kept, signatures, attestations and bills of materials.
func attachmentSuffixes() []string { return []string{".sig", ".att", ".sbom"} }

// Attached lists what belongs to subject: what names it as its subject, by the registry's list and by the fallback tag, since
// either may know what the other does not, at most limit of them; and what cosign keeps under tags. cut says that there is more.
func (r *Repository) Attached(ctx context.Context, subject digest.Digest, limit int) (all []artifact.Attachment, cut bool, err error) {
	var list []ocispec.Descriptor
	err = r.persist(ctx, func() error {
		list, cut, err = r.referrers(ctx, subject, limit)
		return err
	})
	var tagged []ocispec.Descriptor
	more := false
	if err == nil {
		tagged, more, err = r.taggedReferrers(ctx, subject, limit)
	}
	if err != nil {
		return nil, false, fmt.Errorf("list referrers of %q: %w", r.ref.At(subject), r.explain(err))
	}
	for _, d := range append(list, tagged...) {
		known := func(a artifact.Attachment) bool { return a.Digest == d.Digest }
		if d.Digest != subject && !slices.ContainsFunc(all, known) { // "cosign copy" gives the copy the fallback tag, too
			all = append(all, artifact.Attachment{Descriptor: d})
		}
	}
	for _, suffix := range attachmentSuffixes() {
		tag := FallbackTag(subject) + suffix
		d, err := r.Resolve(ctx, tag)
		switch {
		case err == nil:
			all = append(all, artifact.Attachment{Descriptor: d, Tag: tag})
		case !IsNotFound(err):
			return nil, false, err
		}
	}
	return all, cut || more, nil
}

// Names tells whether tag names d: one HEAD.
func (r *Repository) Names(ctx context.Context, tag string, d digest.Digest) (bool, error) {
	there, err := r.head(ctx, r.repo.Tag(tag))
	there, err = r.described(there, r.ref.Name()+":"+tag, err)
	if IsNotFound(err) {
		return false, nil
	}
	return err == nil && there.Digest == d, err
}
