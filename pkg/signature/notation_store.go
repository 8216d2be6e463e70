package signature

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/notaryproject/notation-go/verifier/truststore"
)

// store is every trust store at once: the same certificates, whatever it is called. Timestamp authorities have to be roots.
type store struct {
	names        []string
	certificates []*x509.Certificate
	sums         [][sha256.Size]byte
}

func newStore(files map[string][]byte) (store, error) {
	s := store{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		some, err := parseCertificates(files[name])
		if err == nil {
			err = truststore.ValidateCertificates(some)
		}
		if err != nil {
			return store{}, fmt.Errorf("read certificate %q: %w", name, err)
		}
		s.names = append(s.names, name)
		s.certificates = append(s.certificates, some...)
		if len(s.certificates) > maxCertificates {
			return store{}, fmt.Errorf("read certificates: there are more than %d", maxCertificates)
		}
	}
	if len(s.certificates) == 0 {
		return store{}, errors.New("read certificates: there is none, so that nobody would be trusted")
	}
	for _, c := range s.certificates {
		s.sums = append(s.sums, sha256.Sum256(c.Raw))
	}
	return s, nil
}

// GetCertificates is for notation-go.
func (s store) GetCertificates(_ context.Context, kind truststore.Type, _ string) ([]*x509.Certificate, error) {
	if kind == truststore.TypeTSA {
		return s.roots(), nil
	}
	return s.certificates, nil
}

// roots are the certificates that vouch for themselves.
func (s store) roots() (all []*x509.Certificate) {
	for _, c := range s.certificates {
		if bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil {
			all = append(all, c)
		}
	}
	return all
}

func (s store) String() string {
	var names []string
	for _, name := range s.names {
		names = append(names, quote(name))
	}
	return strings.Join(names, ", ")
}

// parseCertificates reads certificates one after the other, in PEM or DER.
func parseCertificates(raw []byte) ([]*x509.Certificate, error) {
	all, err := decodeAll(raw, "CERTIFICATE", x509.ParseCertificate)
	if err != nil {
		return nil, fmt.Errorf("it is no certificate: %w", err)
	}
	return all, reasonable(all)
}

// decodeAll reads what stands in blocks of PEM of one type, or bare.
func decodeAll[T any](raw []byte, kind string, parse func([]byte) (T, error)) (all []T, err error) {
	block, rest := pem.Decode(raw)
	if block == nil {
		one, err := parse(raw)
		return []T{one}, err
	}
	for ; block != nil; block, rest = pem.Decode(rest) {
		if block.Type != kind {
			return nil, fmt.Errorf("there is a %s in it", quote(block.Type))
		}
		one, err := parse(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// reasonable refuses keys that take their time: Go sets no bound, and a key of a million bits keeps a core busy for minutes.
func reasonable(certificates []*x509.Certificate) error {
	for _, c := range certificates {
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSA {
			return fmt.Errorf("certificate of %s has an RSA key of more than %d bits", quote(c.Subject.String()), maxRSA)
		}
	}
	return nil
}
