package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// serveTLS gives a host whose certificate no system knows, and the file that vouches for it. With clients it demands their certificates.
func serveTLS(t testing.TB, clients *x509.CertPool) (*fakeHost, []byte) {
	t.Helper()
	h := prepare(nil)
	if clients != nil {
		h.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	}
	h.StartTLS()
	t.Cleanup(h.Close)
	return h, encode("CERTIFICATE", h.Certificate().Raw)
}

func encode(kind string, raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
}

// newPair gives a certificate that signs itself, and its key.
func newPair(t testing.TB) (certificate *x509.Certificate, certificatePEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if certificate, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return certificate, encode("CERTIFICATE", raw), encode("PRIVATE KEY", rawKey)
}

func TestAuthoritiesAndClientCertificate(t *testing.T) {
	t.Parallel()
	client, certificate, key := newPair(t)
	_, stranger, strangersKey := newPair(t)
	clients := x509.NewCertPool()
	clients.AddCert(client)
	host, ca := serveTLS(t, clients)
	for name, tc := range map[string]struct {
		access Access
		want   string // in the error; empty: the registry answers
	}{
		"both":              {Access{TLS: TLS{CA: ca, Certificate: certificate, Key: key}}, ""},
		"among several":     {Access{TLS: TLS{CA: slices.Concat(stranger, []byte("# ours\n"), ca), Certificate: certificate, Key: key}}, ""},
		"unknown authority": {Access{TLS: TLS{Certificate: certificate, Key: key}}, "certificate"},
		"no certificate":    {Access{TLS: TLS{CA: ca}}, "certificate"},
		"unknown client":    {Access{TLS: TLS{CA: ca, Certificate: stranger, Key: strangersKey}}, "certificate"},
		// Who names authorities wants them to be checked.
		"insecure, wrong authority": {Access{Insecure: true, TLS: TLS{CA: stranger, Certificate: certificate, Key: key}}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t, NewClient(Options{}), host.ref("org/app"), tc.access).Resolve(t.Context(), "v1")
			switch {
			case tc.want == "" && !IsNotFound(err):
				t.Errorf("an empty repository gives %v", err)
			case tc.want != "" && (err == nil || IsNotFound(err) || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("the registry lets us in, or the error does not say %q: %v", tc.want, err)
			}
		})
	}
}

func TestBadTLSMaterial(t *testing.T) {
	t.Parallel()
	_, certificate, key := newPair(t)
	_, _, otherKey := newPair(t)
	for name, tc := range map[string]struct {
		tls  TLS
		want string
	}{
		"no PEM":              {TLS{CA: []byte("certificate")}, "holds no certificate"},
		"CA without any":      {TLS{CA: key}, "holds no certificate"},
		"broken CA":           {TLS{CA: append(encode("CERTIFICATE", []byte("x")), certificate...)}, "read CA certificate"},
		"key of another":      {TLS{Certificate: certificate, Key: otherKey}, "does not match"},
		"no key":              {TLS{Certificate: certificate}, "without its key"},
		"no certificate":      {TLS{Key: key}, "without its certificate"},
		"certificate no PEM":  {TLS{Certificate: []byte("x"), Key: key}, "certificate"},
		"key and certificate": {TLS{Certificate: key, Key: certificate}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := Reference{Registry: "registry.test", Repository: "org/app"}
			_, err := NewClient(Options{}).Repository(ref, Access{TLS: tc.tls})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want something with %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "PRIVATE KEY\n") {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

// Who may see one registry's certificate must not use another one's connection.
func TestConnectionsAreSharedWithEqualsOnly(t *testing.T) {
	t.Parallel()
	host, ca := serveTLS(t, nil)
	c := NewClient(Options{})
	for range 3 {
		for _, a := range []Access{{TLS: TLS{CA: ca}}, {Insecure: true}, {TLS: TLS{CA: ca}, Reach: Reach{Loopback: true}}} {
			if _, err := open(t, c, host.ref("org/app"), a).Resolve(t.Context(), "v1"); !IsNotFound(err) {
				t.Fatal(err)
			}
		}
		if _, err := open(t, c, host.ref("org/app"), Access{}).Resolve(t.Context(), "v1"); err == nil || IsNotFound(err) {
			t.Fatalf("who trusts nobody is let in over another one's connection: %v", err)
		}
	}
	// Who trusts nobody tries https and http each time.
	if n := host.connections.Load(); n != 3+3*2 {
		t.Errorf("three ways in, asked three times each, open %d connections", n)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	a := Access{TLS: TLS{Key: []byte("hush")}, Proxy: Proxy{Address: "http://u:hush@proxy:1", Username: "u", Password: "hush"}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, a); strings.Contains(got, "hush") || strings.Contains(got, "104 117") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
