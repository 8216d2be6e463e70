package attempt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	p := mustParse(t, `apiVersion: policy.kubectl-oci.dev/v1alpha1
kind: SourcePolicy
rules:
  - namespaces: [apps]
    registries: [ghcr.io/**]
    addresses: [public]
`)
	r := &Means{Policy: func() *Rules { return p }}
	for url, want := range map[string]string{
		"oci://ghcr.io/org/app": "",
		"oci://quay.io/org/app": `the administrator's policy: no rule permits "quay.io/org/app" to namespace "apps"; ask whoever runs the agent`,
	} {
		checkViolation(t, r, v1.OCIRepositorySpec{URL: url}, want)
	}
	checkViolation(t, r, v1.OCIRepositorySpec{Insecure: true}, "spec.insecure is set: rule 1 of the administrator's policy does not permit it; ask whoever runs the agent")
	access, err := accessOf(t, r, objectWith(v1.OCIRepositorySpec{}))
	if want := (registry.Reach{Public: true}); err != nil || access.Reach != want {
		t.Errorf("reach is %+v, %v", access.Reach, err)
	}
}

// Whoever has both a proxy and an authority of his own speaks for any registry.
func TestOwnProxyAndAuthority(t *testing.T) {
	t.Parallel()
	certificate, key := selfSigned(t)
	r := meansIn(
		secretWith("ca", corev1.SecretTypeOpaque, "ca.crt", certificate),
		secretWith("old", corev1.SecretTypeOpaque, "caFile", certificate),
		secretWith("client", corev1.SecretTypeTLS, "tls.crt", certificate, "tls.key", key),
		secretWith("proxy", corev1.SecretTypeOpaque, "address", "http://proxy.test:3128"),
	)
	const refused = "spec.proxySecretRef together with a ca.crt in spec.certSecretRef lets the proxy answer in the registry's name, which is insecure: " +
		"rule 1 of the administrator's policy does not permit it; ask whoever runs the agent"
	rule := `{"apiVersion":"policy.kubectl-oci.dev/v1alpha1","kind":"SourcePolicy","rules":[{"registries":["ghcr.io/org/**"],"insecure":%t}]}`
	strict, lax := mustParse(t, fmt.Sprintf(rule, false)), mustParse(t, fmt.Sprintf(rule, true))
	for name, test := range map[string]struct {
		policy       *Rules
		certs, proxy *v1.LocalObjectReference
		want         string
	}{
		"both":                   {strict, ref("ca"), ref("proxy"), refused},
		"both, older key":        {strict, ref("old"), ref("proxy"), refused},
		"authority":              {strict, ref("ca"), nil, ""},
		"proxy":                  {strict, nil, ref("proxy"), ""},
		"own certificate alone":  {strict, ref("client"), ref("proxy"), ""},
		"both, insecure allowed": {lax, ref("ca"), ref("proxy"), ""},
		"both, no policy":        {nil, ref("ca"), ref("proxy"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within := &Means{Objects: r.Objects, Policy: func() *Rules { return test.policy }}
			checkViolation(t, within, v1.OCIRepositorySpec{CertSecretRef: test.certs, ProxySecretRef: test.proxy}, test.want)
		})
	}
}

// selfSigned gives a certificate that is its own authority, and its key, in PEM.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, pair.Public(), pair)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

func mustParse(t *testing.T, raw string) *Rules {
	t.Helper()
	p, err := policy.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := NewRules(p)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func checkViolation(t *testing.T, r *Means, spec v1.OCIRepositorySpec, want string) {
	t.Helper()
	object := objectWith(spec)
	_, err := accessOf(t, r, object)
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	f, ok := errors.AsType[*source.Error](err)
	if !ok || f.Error() != want || f.Reason != v1.ReasonPolicyViolation || !f.Terminal {
		t.Fatalf("got %+v, want %s", err, want)
	}
	if wait := time.Until(f.RetryAt); wait < time.Hour-time.Minute || wait > time.Hour {
		t.Errorf("looked at again after %s, not at the interval", wait)
	}
}

// Without a file too there is a limit: the agent's own Pod, and the metadata services of clouds.
func TestReachWithoutAPolicy(t *testing.T) {
	t.Parallel()
	access, err := accessOf(t, new(Means), objectWith(v1.OCIRepositorySpec{Insecure: true}))
	if want := (registry.Reach{Public: true, Private: true}); err != nil || access.Reach != want {
		t.Errorf("reach is %+v, %v", access.Reach, err)
	}
}
