package registry

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

func TestIsAttachmentTag(t *testing.T) {
	t.Parallel()
	tag := FallbackTag(digest.FromString("x"))
	for text, want := range map[string]bool{
		tag: true, tag + ".sig": true, tag + ".att": true, tag + ".sbom": true,
		tag + "-rc.1": false, strings.ToUpper(tag): false, tag[:20]: false, "sha256-v1.sig": false, "v1.0.0": false,
	} {
		if got := IsAttachmentTag(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
