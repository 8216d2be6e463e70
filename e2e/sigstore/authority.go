package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
)

// Certificates of whom the log would not know the time begin well before a test, and end well after it.
const before, after = 24 * time.Hour, 24 * time.Hour

// Life of a certificate that somebody signs with.
const Life = 10 * time.Minute

// authority issues certificates to people, through an intermediate, and publishes them.
type authority struct {
	root, intermediate *x509.Certificate
	rootKey, key       *ecdsa.PrivateKey
	published          *publisher
}

func newAuthority() (*authority, error) {
	a := &authority{}
	var err error
	if a.rootKey, err = pki.NewKey(); err != nil {
		return nil, err
	}
	if a.root, err = certify(lasting("root", 0), nil, a.rootKey.Public(), a.rootKey); err != nil {
		return nil, err
	}
	if a.key, err = pki.NewKey(); err != nil {
		return nil, err
	}
	if a.intermediate, err = certify(lasting("intermediate", x509.ExtKeyUsageCodeSigning), a.root, a.key.Public(), a.rootKey); err != nil {
		return nil, err
	}
	a.published, err = newPublisher()
	return a, err
}

// lasting is an authority that is there for one thing; zero: for everything.
func lasting(name string, usage x509.ExtKeyUsage) *x509.Certificate {
	c := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name, Organization: []string{"example.com"}},
		NotBefore:             time.Now().Add(-before),
		NotAfter:              time.Now().Add(after),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	if usage != 0 {
		c.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	}
	return c
}

// certify makes a certificate; one without a parent is its own.
func certify(template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	if template.SerialNumber == nil {
		var err error
		if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
			return nil, err
		}
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// issue makes a certificate for somebody: an e-mail address or a URI.
func (a *authority) issue(subject, issuer string, public crypto.PublicKey, begins time.Time) (*x509.Certificate, error) {
	vouches, err := vouchesFor(issuer)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		NotBefore:       begins,
		NotAfter:        begins.Add(Life),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: vouches,
	}
	if isMail(subject) {
		template.EmailAddresses = []string{subject}
	} else {
		uri, err := url.Parse(subject)
		if err != nil {
			return nil, err
		}
		template.URIs = []*url.URL{uri}
	}
	promised, err := certify(template, a.intermediate, public, a.key)
	if err != nil {
		return nil, err
	}
	promise, err := a.published.promise(promised, a.intermediate)
	if err != nil {
		return nil, err
	}
	template.ExtraExtensions = append(template.ExtraExtensions, promise)
	return certify(template, a.intermediate, public, a.key)
}

// vouchesFor says who vouched for somebody: as plain bytes, and as a string of ASN.1.
func vouchesFor(issuer string) ([]pkix.Extension, error) {
	text, err := asn1.MarshalWithParams(issuer, "utf8")
	return []pkix.Extension{
		{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(issuer)},
		{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: text},
	}, err
}

func isMail(subject string) bool {
	return strings.Contains(subject, "@") && !strings.Contains(subject, "://")
}
