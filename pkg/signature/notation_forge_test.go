package signature

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	tsp "github.com/digitorus/timestamp"
	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/tspclient-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// acme is an authority that issues certificates and puts its time on signatures.
type acme struct {
	t           testing.TB
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

const aDay = 24 * time.Hour

func newAcme(t testing.TB) *acme {
	t.Helper()
	a := &acme{t: t}
	a.certificate, a.key = a.issue(&x509.Certificate{
		Subject: who("acme"), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-100 * aDay), NotAfter: time.Now().Add(100 * aDay),
	})
	return a
}

func who(name string) pkix.Name {
	return pkix.Name{Country: []string{"DE"}, Province: []string{"Berlin"}, Organization: []string{"Example"}, CommonName: name}
}

// issue makes a key and a certificate for it; the first is the authority's own.
func (a *acme) issue(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, parent, signs := newKey(a.t), a.certificate, a.key
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if parent == nil {
		parent, signs = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signs)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate, key
}

func (a *acme) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// leaf is for who signs.
func leaf(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: who(name), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		NotBefore: time.Now().Add(-10 * aDay), NotAfter: time.Now().Add(10 * aDay),
	}
}

// forged is a signature in the making. Its fields may be changed before it is signed.
type forged struct {
	authority *acme
	media     string
	leaf      *x509.Certificate
	target    ocispec.Descriptor
	request   signature.SignRequest
	change    func(raw, sig []byte) []byte // what is signed, afterwards
}

func (a *acme) forge(media string, target ocispec.Descriptor) *forged {
	return &forged{authority: a, media: media, leaf: leaf("alice"), target: target, request: signature.SignRequest{
		SigningTime: time.Now(), SigningScheme: signature.SigningSchemeX509, SigningAgent: "test",
	}}
}

func (f *forged) raw() []byte {
	t := f.authority.t
	t.Helper()
	payload, err := json.Marshal(map[string]any{"targetArtifact": f.target})
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := f.authority.issue(f.leaf)
	f.request.Payload = signature.Payload{ContentType: "application/vnd.cncf.notary.payload.v1+json", Content: payload}
	f.request.Signer, err = signature.NewLocalSigner([]*x509.Certificate{certificate, f.authority.certificate}, key)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := signature.NewEnvelope(f.media)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := envelope.Sign(&f.request)
	if err != nil {
		t.Fatal(err)
	}
	if f.change == nil {
		return raw
	}
	content, err := envelope.Content()
	if err != nil {
		t.Fatal(err)
	}
	return f.change(raw, content.SignerInfo.Signature)
}

// attach keeps an envelope as notation does.
func attach(t testing.TB, repo *registry.Repository, subject ocispec.Descriptor, media string, raw []byte, annotations map[string]string) ocispec.Descriptor {
	t.Helper()
	layer := pushBytes(t, repo, media, raw)
	config := pushBytes(t, repo, typeNotary, []byte("{}"))
	return pushManifest(t, repo, "", ocispec.Manifest{
		Config: config, Layers: []ocispec.Descriptor{layer}, Annotations: annotations,
		Subject: &ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
	})
}

// flipped changes a bit of the signature in an envelope.
func flipped(raw, sig []byte) []byte {
	bad := bytes.Clone(sig)
	bad[len(bad)/2] ^= 1
	if bytes.Contains(raw, sig) {
		return bytes.Replace(raw, sig, bad, 1)
	}
	text := base64.RawURLEncoding.EncodeToString
	return bytes.Replace(raw, []byte(text(sig)), []byte(text(bad)), 1)
}

// stamper puts a time on what is signed.
type stamper struct {
	authority *acme
	at        time.Time
}

func (s stamper) Timestamp(_ context.Context, r *tspclient.Request) (*tspclient.Response, error) {
	raw, err := r.MarshalBinary()
	if err != nil {
		return nil, err
	}
	request, err := tsp.ParseRequest(raw)
	if err != nil {
		return nil, err
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, err
	}
	template := leaf("stamps")
	template.NotBefore, template.ExtKeyUsage = time.Now().Add(-90*aDay), nil
	template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}}
	certificate, key := s.authority.issue(template)
	made := tsp.Timestamp{
		HashAlgorithm: request.HashAlgorithm, HashedMessage: request.HashedMessage, Time: s.at, Nonce: request.Nonce,
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}, AddTSACertificate: true,
	}
	answer, err := made.CreateResponseWithOpts(certificate, key, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	response := &tspclient.Response{}
	return response, response.UnmarshalBinary(answer)
}

// stamp has the signature timestamped.
func (f *forged) stamp(by *acme, at time.Time) {
	f.request.Timestamper, f.request.TSARootCAs = stamper{by, at}, x509.NewCertPool()
	f.request.TSARootCAs.AddCert(by.certificate)
}

// trustPolicy is a trustpolicy.json of one statement, changed.
func trustPolicy(t testing.TB, change map[string]any) []byte {
	t.Helper()
	statement := map[string]any{
		"name": "one", "registryScopes": []string{"*"}, "signatureVerification": map[string]any{"level": "strict"},
		"trustStores": []string{"ca:all"}, "trustedIdentities": []string{"x509.subject:C=DE,ST=Berlin,O=Example,CN=alice"},
	}
	maps.Copy(statement, change)
	return document(t, statement)
}

func document(t testing.TB, statements ...map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"version": "1.0", "trustPolicies": statements})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// trusts is a policy by a trust policy and the authority's certificate.
func (a *acme) trusts(t testing.TB, change map[string]any) *Policy {
	t.Helper()
	return policyOf(t, Trust{Notation: &Notation{Policy: trustPolicy(t, change), Certificates: map[string][]byte{"ca.crt": a.pem()}}})
}

// withChain puts a certificate at the end of a JWS envelope's chain.
func withChain(t testing.TB, raw, der []byte) []byte {
	t.Helper()
	var envelope map[string]any
	if err := json.Unmarshal(raw, &envelope); err != nil {
		t.Fatal(err)
	}
	header := envelope["header"].(map[string]any)
	header["x5c"] = append(header["x5c"].([]any), base64.StdEncoding.EncodeToString(der))
	changed, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// refusing is the address of a server that fails the test when anybody calls it.
func refusing(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("an address of a certificate was called: %s %s", r.Method, r.URL)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
