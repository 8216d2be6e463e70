package main

import (
	"bytes"
	"context"
	"io"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// A layer that is one file becomes that file, also where ignore rules would leave out one of its name.
func TestLayerThatIsOneFile(t *testing.T) {
	t.Parallel()
	for _, title := range []string{"app.yaml", ".sops.yaml", "image.png", ".gitignore", ".sourceignore"} {
		spool := archive.NewSpool(spoolMemory)
		if _, err := spool.Write([]byte("kind: ConfigMap\n")); err != nil {
			t.Fatal(err)
		}
		packed, err := unwrap(t.Context(), spool, ocispec.Descriptor{Annotations: map[string]string{artifact.AnnotationTitle: title}})
		if err != nil {
			t.Errorf("%s: %v", title, err)
			continue
		}
		var names []string
		err = walkSpool(t.Context(), packed, func(f archive.File, _ io.Reader) error {
			names = append(names, f.Name)
			return nil
		})
		if err != nil || len(names) != 1 || names[0] != title {
			t.Errorf("%s: got %v, %v", title, names, err)
		}
		_ = packed.Close()
	}
}

// interrupting ends a context with the second entry that is written.
type interrupting struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (w *interrupting) Write(p []byte) (int, error) {
	if w.Len() > 0 {
		w.cancel()
	}
	return w.Buffer.Write(p)
}

// A tar that was cut short has no end: who reads it from a pipe must not take it for whole.
func TestTarThatIsCutShortHasNoEnd(t *testing.T) {
	t.Parallel()
	p := packedOf(t, map[string]string{"a": "1", "b": "2", "c": "3"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &interrupting{cancel: cancel}
	if err := writeTar(ctx, w, p.Spool); err == nil {
		t.Fatal("all was written")
	}
	if bytes.HasSuffix(w.Bytes(), make([]byte, 1024)) {
		t.Error("it looks whole")
	}
}
