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

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

const keyHelp = "a file, env://VARIABLE, k8s://NAMESPACE/SECRET, or a key service's URI, as awskms://…"

// A file with a key, a token or a trusted root is no larger, in bytes.
const maxSmallFile = 1 << 20

// keyParts are what cosign calls the parts of a Secret that holds a key pair.
const (
	privatePart  = "cosign.key"
	publicPart   = "cosign.pub"
	passwordPart = "cosign.password"
)

// keyError says which key cannot be had.
type keyError struct {
	ref    string
	public bool // part of the key
	err    error
}

func (e *keyError) Error() string { return fmt.Sprintf("read key %q: %s", e.ref, oneLine(e.err)) }
func (e *keyError) Unwrap() error { return e.err }

func validateKey(ref string) error { return validatePlace("--key", "key", ref, keyHelp) }

// privateKey reads the key that ref names. A password is looked for only where it is encrypted.
func privateKey(ctx context.Context, ref string, p *password, streams genericiooptions.IOStreams) (crypto.Signer, error) {
	if isService(ref) {
		return serviceKey(ctx, ref)
	}
	text, secret, err := readPrivate(ctx, ref)
	if err != nil {
		return nil, &keyError{ref, false, err}
	}
	if secret == nil && bytes.Contains(text, []byte("ENCRYPTED")) {
		if secret, err = p.read(ctx, streams, false); err != nil {
			return nil, err
		}
	}
	key, err := signature.ParsePrivateKey(text, secret)
	if err != nil {
		return nil, &keyError{ref, false, errors.Unwrap(err)} // which says once more that a key was read
	}
	return key, nil
}

// readPrivate gives a key's text, and its password where that lies beside it.
func readPrivate(ctx context.Context, ref string) (text, secret []byte, err error) {
	place, ok := strings.CutPrefix(ref, "k8s://")
	if !ok {
		text, err = readText(ref)
		return text, nil, err
	}
	parts, err := readSecret(ctx, place, privatePart)
	return parts[privatePart], parts[passwordPart], err
}

// publicKey gives the key that ref names in PEM.
func publicKey(ctx context.Context, ref string) ([]byte, error) {
	if isService(ref) {
		return servicePublic(ctx, ref)
	}
	if place, ok := strings.CutPrefix(ref, "k8s://"); ok {
		parts, err := readSecret(ctx, place, publicPart)
		if err != nil {
			return nil, &keyError{ref, true, err}
		}
		return parts[publicPart], nil
	}
	text, err := readText(ref)
	if err != nil {
		return nil, &keyError{ref, true, err}
	}
	return text, nil
}

// readText gives what a file or a variable, as env://VARIABLE, holds.
func readText(ref string) ([]byte, error) {
	if name, ok := strings.CutPrefix(ref, "env://"); ok {
		text := os.Getenv(name)
		if text == "" {
			return nil, errors.New("the variable is not set, or empty")
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
