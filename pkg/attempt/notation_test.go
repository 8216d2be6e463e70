package attempt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

const trustPolicy = `{"version": "1.0", "trustPolicies": [{"name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
	"trustStores": ["ca:acme"], "trustedIdentities": ["*"]}]}`

// authority is a certificate, and a list of revoked ones that it made.
func authority(t *testing.T) (certificate, list string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "acme"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), NextUpdate: time.Now().Add(time.Hour)}, made, key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, raw []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
	}
	return text("CERTIFICATE", raw), text("X509 CRL", revoked)
}

func TestNotation(t *testing.T) {
	t.Parallel()
	ca, list := authority(t)
	r := meansIn(
		secretWith("all", corev1.SecretTypeOpaque, "trustpolicy.json", trustPolicy, "ca.crt", ca, "other.pem", ca, "acme.crl", list, "README", "x"),
		secretWith("certificate", corev1.SecretTypeOpaque, "ca.crt", ca),
		secretWith("policy", corev1.SecretTypeOpaque, "trustpolicy.json", trustPolicy, "ca.txt", ca),
		secretWith("text", corev1.SecretTypeOpaque, "trustpolicy.json", trustPolicy, "ca.crt", "x"),
		secretWith("yaml", corev1.SecretTypeOpaque, "trustpolicy.json", "version: 1", "ca.crt", ca),
	)
	who := []v1.OIDCIdentityMatch{{Issuer: "^https://issuer$", Subject: "me"}}
	for name, tc := range map[string]struct {
		verify   *v1.Verification
		says     string
		terminal bool
	}{
		"all":             {verify: &v1.Verification{SecretRef: ref("all")}},
		"nobody":          {verify: &v1.Verification{}, says: "it has no secretRef: notation needs a secret with a trustpolicy.json", terminal: true},
		"identities":      {verify: &v1.Verification{SecretRef: ref("all"), MatchOIDCIdentity: who}, says: "matchOIDCIdentity is of cosign alone", terminal: true},
		"root":            {verify: &v1.Verification{SecretRef: ref("all"), TrustedRootSecretRef: ref("all")}, says: "trustedRootSecretRef is of cosign alone", terminal: true},
		"no name":         {verify: &v1.Verification{SecretRef: ref("%")}, says: `secretRef.name is "%"`, terminal: true},
		"no Secret":       {verify: &v1.Verification{SecretRef: ref("none")}, says: `read secret "apps/none": there is none`},
		"no policy":       {verify: &v1.Verification{SecretRef: ref("certificate")}, says: "it has no trustpolicy.json, but ca.crt"},
		"no certificate":  {verify: &v1.Verification{SecretRef: ref("policy")}, says: "it has no certificate *.crt or *.pem, but ca.txt, trustpolicy.json"},
		"certificate bad": {verify: &v1.Verification{SecretRef: ref("text")}, says: `read certificate "ca.crt"`},
		"policy bad":      {verify: &v1.Verification{SecretRef: ref("yaml")}, says: "read trust policy: it is no JSON"},
	} {
		tc.verify.Provider = v1.VerifyNotation
		got, err := r.signers(t.Context(), objectWith(v1.OCIRepositorySpec{Verify: tc.verify}))
		if tc.says != "" {
			checkUntrusted(t, name, err, tc.says, tc.terminal)
			continue
		}
		want, wrong := signature.NewPolicy(signature.Trust{Notation: &signature.Notation{
			Policy:          []byte(trustPolicy),
			Certificates:    map[string][]byte{"ca.crt": []byte(ca), "other.pem": []byte(ca)},
			RevocationLists: map[string][]byte{"acme.crl": []byte(list)},
		}})
		if err != nil || wrong != nil || got.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: others are trusted: %v, %v", name, err, wrong)
		}
	}
}
