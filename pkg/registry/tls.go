package registry

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// TLS is what a registry with authorities of its own needs, all of it PEM. The zero value: the system's authorities and no certificate.
type TLS struct {
	CA          []byte // authorities to trust besides the system's
	Certificate []byte // shown to whoever asks for one, with Key; the chain to its authority may follow it
	Key         []byte
}

// String tells what is there and shows nothing of it.
func (t TLS) String() string {
	return fmt.Sprintf("CA: %t, certificate: %t", len(t.CA) > 0, len(t.Certificate) > 0)
}

// GoString is [TLS.String]: %#v shows no secret either.
func (t TLS) GoString() string { return t.String() }

// Check says what makes the material unusable.
func (t TLS) Check() error {
	_, err := t.config(false)
	return err
}

func (t TLS) isZero() bool { return t.size() == 0 }

// size is in bytes.
func (t TLS) size() int { return len(t.CA) + len(t.Certificate) + len(t.Key) }

// config trusts everybody only where insecure is asked for and nobody said whom to trust.
func (t TLS) config(insecure bool) (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: insecure && t.isZero()} //nolint:gosec // asked for by Access.Insecure
	if len(t.CA) > 0 {
		pool, err := authorities(t.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = pool
	}
	switch {
	case len(t.Certificate)+len(t.Key) == 0:
		return c, nil
	case len(t.Key) == 0:
		return nil, errors.New("a client certificate without its key")
	case len(t.Certificate) == 0:
		return nil, errors.New("a client key without its certificate")
	}
	pair, err := tls.X509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return nil, fmt.Errorf("read client certificate and key: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// authorities are the system's and those in file, each of which must be readable.
func authorities(file []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's authorities: %w", err)
	}
	found := 0
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		authority, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read CA certificate: %w", err)
		}
		pool.AddCert(authority)
		found++
	}
	if found == 0 {
		return nil, errors.New("the CA file holds no certificate in PEM form")
	}
	return pool, nil
}
