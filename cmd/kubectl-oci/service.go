package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	_ "github.com/sigstore/sigstore/pkg/signature/kms/aws"        // awskms://
	_ "github.com/sigstore/sigstore/pkg/signature/kms/azure"      // azurekms://
	_ "github.com/sigstore/sigstore/pkg/signature/kms/gcp"        // gcpkms://
	_ "github.com/sigstore/sigstore/pkg/signature/kms/hashivault" // hashivault://, openbao://
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// isService tells a key that lies in a service from one that can be read.
func isService(ref string) bool {
	scheme, _, ok := strings.Cut(ref, "://")
	return ok && scheme != "env" && scheme != "k8s"
}

// serviceKey never sees the key: the service signs.
func serviceKey(ctx context.Context, ref string) (crypto.Signer, error) {
	service, err := openService(ctx, ref)
	if err != nil {
		return nil, err
	}
	if _, err := askService(ctx, service); err != nil { // which key.Public would keep to itself
		return nil, &keyError{ref, false, err}
	}
	key, _, err := service.CryptoSigner(ctx, func(error) {}) // the error is that of signing, too
	if err != nil {
		return nil, &keyError{ref, false, err}
	}
	return key, nil
}

// servicePublic gives the public key in PEM.
func servicePublic(ctx context.Context, ref string) ([]byte, error) {
	service, err := openService(ctx, ref)
	if err != nil {
		return nil, err
	}
	public, err := askService(ctx, service)
	if err != nil {
		return nil, &keyError{ref, false, err}
	}
	return cryptoutils.MarshalPublicKeyToPEM(public)
}

var errInService = errors.New("the service has such a key already: name another with --to")

// makeServiceKey lets a service make a key that it does not have, of the kind that it prefers.
func makeServiceKey(ctx context.Context, ref string) error {
	service, err := openService(ctx, ref)
	if err != nil {
		return err
	}
	switch _, err := askService(ctx, service); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return fmt.Errorf("make key %q: %w", ref, errInService)
	}
	_, err = await(ctx, func() (crypto.PublicKey, error) { return service.CreateKey(ctx, service.DefaultAlgorithm()) })
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("make key %q: %s", ref, oneLine(err))
	}
	return nil
}

// askService gives the public key. Not every service knows contexts.
func askService(ctx context.Context, service kms.SignerVerifier) (crypto.PublicKey, error) {
	return await(ctx, func() (crypto.PublicKey, error) { return service.PublicKey(options.WithContext(ctx)) })
}

func openService(ctx context.Context, ref string) (kms.SignerVerifier, error) {
	service, err := await(ctx, func() (kms.SignerVerifier, error) { return kms.Get(ctx, ref, crypto.SHA256) })
	if _, ok := errors.AsType[*kms.ProviderNotFoundError](err); ok {
		scheme, _, _ := strings.Cut(ref, "://")
		return nil, &keyError{ref, false, noServiceError(scheme)}
	}
	if err != nil {
		return nil, &keyError{ref, false, err}
	}
	return service, nil
}

// noServiceError is the scheme of a key service that nobody knows.
type noServiceError string

func (e noServiceError) Error() string { return fmt.Sprintf("nothing is known of %s://", string(e)) }
