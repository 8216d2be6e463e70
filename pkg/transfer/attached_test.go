package transfer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

// Signatures under a tag that only the destination has survive that the artifact is copied again.
func TestSignaturesAreJoined(t *testing.T) {
	t.Parallel()
	from, to := create(t), create(t)
	root := put(t, from, "v1", "app", nil)
	copyRoot := func() {
		t.Helper()
		if _, err := transfer.New(from, to, transfer.Options{}).Copy(t.Context(), root, "v1"); err != nil {
			t.Fatal(err)
		}
	}
	tag := cosignTag(root)
	first := put(t, from, tag, "signature 1", nil)
	copyRoot()
	if d, err := to.Resolve(tag); err != nil || d.Digest != first.Digest {
		t.Errorf("got %v, %v", d.Digest, err)
	}
	other := put(t, to, tag, "signature 2", nil)
	copyRoot()
	want := append(layersOf(t, to, other), layersOf(t, to, first)...)
	if diff := cmp.Diff(want, layersOf(t, to, resolve(t, to, tag))); diff != "" {
		t.Error(diff)
	}
	if ok, err := to.Exists(t.Context(), resolve(t, to, tag).Digest); !ok || err != nil {
		t.Errorf("not all of it is there: %v", err)
	}
	before := resolve(t, to, tag)
	copyRoot()
	if now := resolve(t, to, tag); now.Digest != before.Digest {
		t.Error("the third copy changes it")
	}
	if _, err := transfer.New(to, from, transfer.Options{}).Copy(t.Context(), root, "v1"); err != nil {
		t.Fatal(err)
	}
	if now := resolve(t, from, tag); now.Digest != before.Digest {
		t.Error("what has all is not taken over to the byte")
	}
}

func resolve(t *testing.T, l *layout.Layout, tag string) ocispec.Descriptor {
	t.Helper()
	d, err := l.Resolve(tag)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func layersOf(t *testing.T, l *layout.Layout, d ocispec.Descriptor) []ocispec.Descriptor {
	t.Helper()
	raw, _, err := l.Manifest(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := artifact.ParseManifest(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m.Layers
}
