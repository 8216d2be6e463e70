package forge

import (
	"crypto/x509"
	"encoding/json"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
)

// Certificate is the name of the file with the authority that is trusted, as messages have it.
const Certificate = "acme.pem"

// Notary is whom a verifier is told to trust, as the Notary Project has it.
type Notary struct {
	Policy       []byte            // trustpolicy.json
	Certificates map[string][]byte // PEM, by the name of the file
}

// notary trusts alice, and bob where two are trusted, when the right authority vouches for them.
func (f *Forge) notary(c Cell) *Notary {
	identities := []string{notation.Identity("alice")}
	if c.Fault == Crowd {
		identities = append(identities, notation.Identity("bob"))
	}
	return &Notary{notation.Policy(identities...), map[string][]byte{Certificate: f.acme.Certificate()}}
}

// notarize attaches what the cell is about, and returns the digest of the layer with the signature, where there is one.
func (j *job) notarize() digest.Digest {
	j.t.Helper()
	by, o := j.acme, notation.Options{}
	switch j.cell.Fault {
	case Missing:
		return ""
	case Crowd:
		j.envelope(by, notation.Options{Name: "mallory"})
		o.Name = "bob"
	case WrongKey:
		by = j.strangers
	case WrongIdentity:
		o.Name = "mallory"
	case OtherDigest:
		o.Of = j.other.Digest
	case Expired:
		o.CertificateExpired = true
	case Tampered:
		o.Tampered = true
	}
	j.envelope(by, o)
	list, _, err := j.repo.Referrers(j.t.Context(), j.signed.Digest, 10)
	if err != nil || len(list) == 0 {
		j.t.Fatal(list, err)
	}
	layer := j.manifest(j.repo, list[0].Digest).Layers[0]
	body, err := j.repo.Blob(j.t.Context(), layer)
	if err != nil {
		j.t.Fatal(err)
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err != nil {
		j.t.Fatal(err)
	}
	j.ended = j.endOf(raw)
	return layer.Digest
}

func (j *job) envelope(by *notation.Authority, o notation.Options) {
	j.t.Helper()
	if err := by.Sign(j.t.Context(), j.repo.Reference().At(j.signed.Digest).String(), o); err != nil {
		j.t.Fatal(err)
	}
}

// endOf tells how long the certificate in a JWS envelope is valid.
func (j *job) endOf(raw []byte) time.Time {
	j.t.Helper()
	var envelope struct {
		Header struct {
			Chain [][]byte `json:"x5c"`
		} `json:"header"`
	}
	if err := json.Unmarshal(raw, &envelope); err != nil || len(envelope.Header.Chain) == 0 {
		j.t.Fatalf("%v in %s", err, raw)
	}
	leaf, err := x509.ParseCertificate(envelope.Header.Chain[0])
	if err != nil {
		j.t.Fatal(err)
	}
	return leaf.NotAfter
}
