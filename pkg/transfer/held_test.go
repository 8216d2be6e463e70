package transfer

import (
	"errors"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
)

// Manifests that are under way take no more memory than is given, and give it back.
func TestHeld(t *testing.T) {
	t.Parallel()
	l, err := layout.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw := []byte(`{"schemaVersion":2,"mediaType":"` + artifact.IndexOCI + `","manifests":[]}`)
	d := ocispec.Descriptor{MediaType: artifact.IndexOCI, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	if err := l.PushManifest(t.Context(), "v1", d, raw); err != nil {
		t.Fatal(err)
	}
	for _, held := range []int64{0, maxHeld} {
		c := New(l, l, Options{})
		c.held.Store(held)
		_, err := c.Copy(t.Context(), d, "v2")
		if errors.Is(err, ErrTooMany) != (held > 0) || held == 0 && err != nil {
			t.Errorf("with %d bytes held: %v", held, err)
		}
		if now := c.held.Load(); now != held {
			t.Errorf("%d bytes are held in place of %d", now, held)
		}
	}
}
