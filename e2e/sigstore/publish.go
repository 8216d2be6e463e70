package sigstore

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"github.com/google/certificate-transparency-go/x509util"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
)

// publisher is the certificate transparency log. Only its promises are ever asked for.
type publisher struct{ key *ecdsa.PrivateKey }

func newPublisher() (*publisher, error) {
	key, err := pki.NewKey()
	return &publisher{key}, err
}

// promise is the extension that a certificate holds so that nobody has to ask whether it was published (RFC 6962, 3.3).
func (p *publisher) promise(c, issuer *x509.Certificate) (pkix.Extension, error) {
	id, err := logID(p.key.Public())
	if err != nil {
		return pkix.Extension{}, err
	}
	made := ct.SignedCertificateTimestamp{SCTVersion: ct.V1, LogID: ct.LogID{KeyID: id}, Timestamp: uint64(time.Now().UnixMilli())}
	input, err := ct.SerializeSCTSignatureInput(made, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{
		Version: ct.V1, LeafType: ct.TimestampedEntryLeafType,
		TimestampedEntry: &ct.TimestampedEntry{
			Timestamp: made.Timestamp, EntryType: ct.PrecertLogEntryType,
			PrecertEntry: &ct.PreCert{IssuerKeyHash: sha256.Sum256(issuer.RawSubjectPublicKeyInfo), TBSCertificate: c.RawTBSCertificate},
		},
	}})
	if err != nil {
		return pkix.Extension{}, err
	}
	signed, err := tls.CreateSignature(*p.key, tls.SHA256, input)
	if err != nil {
		return pkix.Extension{}, err
	}
	made.Signature = ct.DigitallySigned(signed)
	list, err := x509util.MarshalSCTsIntoSCTList([]*ct.SignedCertificateTimestamp{&made})
	if err != nil {
		return pkix.Extension{}, err
	}
	raw, err := tls.Marshal(*list)
	if err != nil {
		return pkix.Extension{}, err
	}
	value, err := asn1.Marshal(raw)
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value}, err
}

// logID names a log by its key.
func logID(public any) ([sha256.Size]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	return sha256.Sum256(der), err
}
