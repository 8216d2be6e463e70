package registry

import "regexp"

var attachmentPattern = regexp.MustCompile(`^sha256-[0-9a-f]{64}(\.[a-z0-9]+)?$`)

// IsAttachmentTag tells tags that name what belongs to a digest, and no artifact that somebody gave a name: [FallbackTag], and cosign's
// older signatures, attestations and the like under sha256-<hex>.sig, .att and so on.
func IsAttachmentTag(tag string) bool { return attachmentPattern.MatchString(tag) }
