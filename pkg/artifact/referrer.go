package artifact

import (
	"cmp"
	"fmt"
	"regexp"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Attachment is what belongs to a manifest: it names that as its subject, or lies under a tag that is made of its digest.
type Attachment struct {
	ocispec.Descriptor
	Tag string // empty where the subject is named
}

var attachmentPattern = regexp.MustCompile(`^sha256-[0-9a-f]{64}(\.[a-z0-9]+)?$`)

// IsAttachmentTag tells tags that name what belongs to a digest, and no artifact that somebody gave a name: the fallback tag for
// referrers, and cosign's older signatures, attestations and the like under sha256-<hex>.sig, .att and so on.
func IsAttachmentTag(tag string) bool { return attachmentPattern.MatchString(tag) }

// ParseReferrer reads of a manifest or an index what a list of referrers says of it: a descriptor with the artifact type and the
// annotations that are in it, without media type, digest and size. subject is nil where it names none.
func ParseReferrer(raw []byte) (listed ocispec.Descriptor, subject *ocispec.Descriptor, err error) {
	var m struct {
		ArtifactType string              `json:"artifactType"`
		Config       ocispec.Descriptor  `json:"config"`
		Subject      *ocispec.Descriptor `json:"subject"`
		Annotations  map[string]string   `json:"annotations"`
	}
	if err := decode(raw, &m); err != nil {
		return listed, nil, fmt.Errorf("parse referrer: %w", err)
	}
	if m.Subject != nil {
		if err := checkDescriptors([]ocispec.Descriptor{*m.Subject}); err != nil {
			return listed, nil, fmt.Errorf("parse referrer: subject: %w", err)
		}
	}
	return ocispec.Descriptor{ArtifactType: cmp.Or(m.ArtifactType, m.Config.MediaType), Annotations: m.Annotations}, m.Subject, nil
}
