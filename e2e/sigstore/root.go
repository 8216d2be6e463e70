package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	prototrust "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
)

func (s *Sigstore) trustedRoot() ([]byte, error) {
	h, since := s.house, time.Now().Add(-before)
	authorities := []root.CertificateAuthority{&root.FulcioCertificateAuthority{
		Root: h.authority.root, Intermediates: []*x509.Certificate{h.authority.intermediate}, URI: s.FulcioURL, ValidityPeriodStart: since,
	}}
	stamps := []root.TimestampingAuthority{&root.SigstoreTimestampingAuthority{
		Root: h.authority.root, Intermediates: []*x509.Certificate{h.stamper.intermediate}, Leaf: h.stamper.leaf, URI: s.TimestampURL, ValidityPeriodStart: since,
	}}
	published, err := logOf(h.authority.published.key, "https://published.localhost", since)
	if err != nil {
		return nil, err
	}
	logs, err := logOf(h.log.key, "https://"+origin, since)
	if err != nil {
		return nil, err
	}
	made, err := root.NewTrustedRoot(root.TrustedRootMediaType01, authorities, published, stamps, logs)
	if err != nil {
		return nil, fmt.Errorf("make trusted root: %w", err)
	}
	return made.MarshalJSON()
}

func logOf(key *ecdsa.PrivateKey, address string, since time.Time) (map[string]*root.TransparencyLog, error) {
	id, err := logID(key.Public())
	if err != nil {
		return nil, err
	}
	return map[string]*root.TransparencyLog{hex.EncodeToString(id[:]): {
		BaseURL: address, ID: id[:], ValidityPeriodStart: since,
		HashFunc: crypto.SHA256, PublicKey: key.Public(), SignatureHashFunc: crypto.SHA256,
	}}, nil
}

func (s *Sigstore) signingConfig() ([]byte, error) {
	service := func(address string) []root.Service {
		return []root.Service{{URL: address, MajorAPIVersion: 1, ValidityPeriodStart: time.Now().Add(-before), Operator: "example.com"}}
	}
	one := root.ServiceConfiguration{Selector: prototrust.ServiceSelector_ANY}
	made, err := root.NewSigningConfig(root.SigningConfigMediaType02,
		service(s.FulcioURL), service(s.IssuerURL), service(s.RekorURL), one, service(s.TimestampURL), one)
	if err != nil {
		return nil, fmt.Errorf("make signing config: %w", err)
	}
	return made.MarshalJSON()
}
