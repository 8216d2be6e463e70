package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The file in the repository with which everybody verifies what is signed here.
const publicKey = "cosign.pub"

// CheckKey refuses to sign where nobody could tell whose signature it is.
func (o Origin) CheckKey() error {
	_, err := os.Stat(filepath.Join(o.Root, publicKey))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no %s in the repository: who installs what you sign needs the key's public half, which kubectl oci keygen writes", publicKey)
	}
	return err
}

// CheckSignature verifies an artifact as those do who install it.
func (p *Plugin) CheckSignature(ctx context.Context, reference string) error {
	if err := p.Run(ctx, io.Discard, "verify", reference, "--key", filepath.Join(p.origin.Root, publicKey)); err != nil {
		return fmt.Errorf("%s was signed, but not with the key of %s: %w", reference, publicKey, err)
	}
	return nil
}
