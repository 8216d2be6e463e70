package main

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

const keyHelp = "a file, env://VARIABLE, k8s://NAMESPACE/SECRET, or a URI of a key service whose sigstore plugin is on the PATH"

// A file with a key, a token or a trusted root is no larger, in bytes.
const maxSmallFile = 1 << 20

// keyParts are what cosign calls the parts of a Secret that holds a key pair.
const (
	privatePart  = "cosign.key"
	publicPart   = "cosign.pub"
	passwordPart = "cosign.password"
)

// privateKey reads the key that ref names. A password is looked for only where it is encrypted.
func privateKey(ctx context.Context, ref string, p *password, streams genericiooptions.IOStreams) (crypto.Signer, error) {
	var text, secret []byte
	var err error
	switch scheme, rest, _ := strings.Cut(ref, "://"); {
	case scheme == "k8s":
		parts, err := readSecret(ctx, rest, privatePart)
		if err != nil {
			return nil, fmt.Errorf("read key %q: %w", ref, err)
		}
		text, secret = parts[privatePart], parts[passwordPart]
	case isService(ref):
		return serviceKey(ctx, ref)
	default:
		if text, err = readText(ref); err != nil {
			return nil, fmt.Errorf("read key %q: %w", ref, err)
		}
	}
	if secret == nil && bytes.Contains(text, []byte("ENCRYPTED")) {
		if secret, err = p.read(ctx, streams, false); err != nil {
			return nil, err
		}
	}
	key, err := signature.ParsePrivateKey(text, secret)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", ref, err)
	}
	return key, nil
}

// publicKey gives the key that ref names in PEM.
func publicKey(ctx context.Context, ref string) ([]byte, error) {
	scheme, rest, _ := strings.Cut(ref, "://")
	switch {
	case scheme == "k8s":
		parts, err := readSecret(ctx, rest, publicPart)
		if err != nil {
			return nil, fmt.Errorf("read key %q: %w", ref, err)
		}
		return parts[publicPart], nil
	case isService(ref):
		service, err := kms.Get(ctx, ref, crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("read key %q: %w", ref, err)
		}
		public, err := service.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("read key %q: %w", ref, err)
		}
		return cryptoutils.MarshalPublicKeyToPEM(public)
	}
	text, err := readText(ref)
	if err != nil {
		return nil, fmt.Errorf("read key %q: %w", ref, err)
	}
	return text, nil
}

// isService tells a key that lies in a service from one that can be read.
func isService(ref string) bool {
	scheme, _, ok := strings.Cut(ref, "://")
	return ok && scheme != "env" && scheme != "k8s"
}

// serviceKey never sees the key: the service signs.
func serviceKey(ctx context.Context, ref string) (crypto.Signer, error) {
	service, err := kms.Get(ctx, ref, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("read key %q: %w", ref, err)
	}
	key, _, err := service.CryptoSigner(ctx, func(error) {}) // the error is that of signing, too
	if err != nil {
		return nil, fmt.Errorf("read key %q: %w", ref, err)
	}
	return key, nil
}

// readText gives what a file or a variable, as env://VARIABLE, holds.
func readText(ref string) ([]byte, error) {
	if name, ok := strings.CutPrefix(ref, "env://"); ok {
		text := os.Getenv(name)
		if text == "" {
			return nil, errors.New("the variable is not set")
		}
		return []byte(text), nil
	}
	return readBounded(ref, maxSmallFile)
}

// readBounded reads a file of so many bytes at most.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, cause(err)
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	return text, nil
}
