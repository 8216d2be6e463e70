// Package pki makes a certificate authority and certificates for one run: for servers on loopback and for clients
// that a kube-apiserver knows by name and group. Nothing is meant to be trusted outside of that run; all of it expires
// within a month.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

const lifetime = 30 * 24 * time.Hour

// Pair is a certificate and its private key, both PEM.
type Pair struct {
	Cert, Key []byte
}

// TLS returns the pair as crypto/tls wants it.
func (p Pair) TLS() (tls.Certificate, error) {
	return tls.X509KeyPair(p.Cert, p.Key)
}

// CA is a self-signed authority.
type CA struct {
	Pair
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// Subject says whom a certificate is for.
type Subject struct {
	Name   string   // the common name; a user name for Kubernetes
	Groups []string // the organisations; groups for Kubernetes
	DNS    []string // further host names beside localhost
	IPs    []net.IP // further addresses beside 127.0.0.1 and ::1
}

// NewCA makes an authority of this name.
func NewCA(name string) (*CA, error) {
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	ca := &CA{certificate: template, key: key}
	raw, err := ca.sign(template, key)
	if err != nil {
		return nil, fmt.Errorf("make authority %q: %w", name, err)
	}
	if ca.certificate, err = x509.ParseCertificate(raw); err != nil {
		return nil, fmt.Errorf("make authority %q: %w", name, err)
	}
	ca.Pair, err = encode(raw, key)
	return ca, err
}

// Issue makes a certificate that serves and authenticates on loopback.
func (ca *CA) Issue(s Subject) (Pair, error) {
	key, err := NewKey()
	if err != nil {
		return Pair{}, err
	}
	raw, err := ca.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: s.Name, Organization: s.Groups},
		DNSNames:    append([]string{"localhost"}, s.DNS...),
		IPAddresses: append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, s.IPs...),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, key)
	if err != nil {
		return Pair{}, fmt.Errorf("issue certificate for %q: %w", s.Name, err)
	}
	return encode(raw, key)
}

// Pool trusts this authority alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// NewKey makes a P-256 key.
func NewKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// EncodeKeys returns a private key and its public half, both PEM.
func EncodeKeys(key *ecdsa.PrivateKey) (private, public []byte, err error) {
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	open, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}), nil
}

// sign fills in what every certificate has and returns its DER.
func (ca *CA) sign(template *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Minute)
	template.NotAfter = template.NotBefore.Add(lifetime)
	return x509.CreateCertificate(rand.Reader, template, ca.certificate, key.Public(), ca.key)
}

func encode(cert []byte, key *ecdsa.PrivateKey) (Pair, error) {
	private, _, err := EncodeKeys(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), Key: private}, nil
}
