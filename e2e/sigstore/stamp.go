package sigstore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"net/http"
	"time"

	tsp "github.com/digitorus/timestamp"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
)

// stamper is the timestamp authority.
type stamper struct {
	intermediate, leaf *x509.Certificate
	key                *ecdsa.PrivateKey
}

func newStamper(a *authority) (*stamper, error) {
	key, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	by, err := certify(lasting("timestamps", x509.ExtKeyUsageTimeStamping), a.root, key.Public(), a.rootKey)
	if err != nil {
		return nil, err
	}
	made := &stamper{intermediate: by}
	if made.key, err = pki.NewKey(); err != nil {
		return nil, err
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, err
	}
	made.leaf, err = certify(&x509.Certificate{
		Subject:         pkix.Name{CommonName: "timestamp"},
		NotBefore:       time.Now().Add(-before),
		NotAfter:        time.Now().Add(after),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}}, // RFC 3161, 2.3
	}, by, made.key.Public(), key)
	return made, err
}

// timestamp says when it saw a hash.
func (s *Sigstore) timestamp(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return
	}
	asked, err := tsp.ParseRequest(raw)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	stamp := tsp.Timestamp{
		HashAlgorithm: asked.HashAlgorithm, HashedMessage: asked.HashedMessage, Time: or(s.clock.Stamped), Nonce: asked.Nonce,
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}, AddTSACertificate: asked.Certificates,
	}
	answer, err := stamp.CreateResponseWithOpts(s.house.stamper.leaf, s.house.stamper.key, crypto.SHA256)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(answer) // the client has gone
}

func signBytes(by signature.Signer, text []byte) ([]byte, error) {
	return by.SignMessage(bytes.NewReader(text))
}
