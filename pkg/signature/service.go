package signature

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/sign"
)

// ServiceError is the error of an authority or a log that was asked while something was signed. Its text holds no token.
type ServiceError struct {
	Service string // as in certificate authority
	Address string
	Err     error
	secret  string
}

func (e *ServiceError) Error() string {
	err := e.Err
	for { // clients name the address again, once for each try
		inner, ok := errors.AsType[*url.Error](err)
		if !ok {
			break
		}
		err = inner.Err
	}
	text := readable(errors.New(e.masked(err.Error())))
	return fmt.Sprintf("ask %s %q: %s", e.Service, e.Address, text)
}

func (e *ServiceError) Unwrap() error { return e.Err }

// masked hides the token, which a service may send back.
func (e *ServiceError) masked(text string) string {
	if e.secret == "" {
		return text
	}
	return strings.ReplaceAll(text, e.secret, "…")
}

// authority is a certificate authority whose errors say so.
type authority struct {
	*sign.Fulcio
	address string
}

func (a authority) GetCertificate(ctx context.Context, key sign.Keypair, o *sign.CertificateProviderOptions) ([]byte, error) {
	der, err := a.Fulcio.GetCertificate(ctx, key, o)
	if err != nil {
		return nil, &ServiceError{"certificate authority", a.address, err, o.IDToken}
	}
	return der, nil
}

// logbook is a transparency log whose errors say so.
type logbook struct {
	*sign.Rekor
	address string
}

func (l logbook) GetTransparencyLogEntry(ctx context.Context, pem []byte, b *protobundle.Bundle) error {
	if err := l.Rekor.GetTransparencyLogEntry(ctx, pem, b); err != nil {
		return &ServiceError{Service: "transparency log", Address: l.address, Err: err}
	}
	return nil
}
