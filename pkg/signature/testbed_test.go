package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	tsp "github.com/digitorus/timestamp"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

const (
	issuer  = "https://accounts.example.com"
	alice   = "alice@example.com"
	mallory = "mallory@example.com"
)

// private is a Sigstore of our own: a certificate authority and a transparency log that answer over HTTP, and a timestamp authority.
type private struct {
	*ca.VirtualSigstore
	server       *httptest.Server
	authority    *x509.Certificate
	intermediate *x509.Certificate
	signs        *ecdsa.PrivateKey // with the intermediate's name
	root         []byte            // trusted_root.json

	stamper    *x509.Certificate // of the timestamp authority
	stamperKey *ecdsa.PrivateKey
	stampers   *x509.Certificate // who issued it

	mu     sync.Mutex
	issued time.Time // when certificates begin; zero: now
	logged time.Time // what the log takes for now; zero: now
	bare   bool      // the log gives proofs of inclusion without a time
}

func newPrivate(t testing.TB) *private {
	t.Helper()
	p := &private{}
	var err error
	if p.VirtualSigstore, err = ca.NewVirtualSigstore(); err != nil {
		t.Fatal(err)
	}
	var key *ecdsa.PrivateKey
	if p.authority, key, err = ca.GenerateRootCa(); err != nil {
		t.Fatal(err)
	}
	if p.intermediate, p.signs, err = ca.GenerateFulcioIntermediate(p.authority, key); err != nil {
		t.Fatal(err)
	}
	p.newStamper(t, key)
	p.root = p.trustedRoot(t, p.logs(t))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/timestamp", p.stamp)
	mux.HandleFunc("POST /api/v2/signingCert", p.issue)
	mux.HandleFunc("POST /api/v1/log/entries", p.log)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

// logs are the transparency logs, under the name that their entries have.
func (p *private) logs(t testing.TB) map[string]*sigroot.TransparencyLog {
	t.Helper()
	logs := p.RekorLogs()
	for name, l := range logs {
		var err error
		if l.ID, err = hex.DecodeString(name); err != nil {
			t.Fatal(err)
		}
	}
	return logs
}

func (p *private) trustedRoot(t testing.TB, logs map[string]*sigroot.TransparencyLog) []byte {
	t.Helper()
	stamps := append(p.TimestampingAuthorities(), &sigroot.SigstoreTimestampingAuthority{
		Root: p.authority, Intermediates: []*x509.Certificate{p.stampers}, Leaf: p.stamper, URI: "https://stamps.example.com",
		ValidityPeriodStart: time.Now().Add(-time.Hour),
	})
	return p.trustedRootOf(t, logs, stamps)
}

func (p *private) trustedRootOf(t testing.TB, logs map[string]*sigroot.TransparencyLog, stamps []sigroot.TimestampingAuthority) []byte {
	t.Helper()
	authorities := []sigroot.CertificateAuthority{&sigroot.FulcioCertificateAuthority{
		Root: p.authority, Intermediates: []*x509.Certificate{p.intermediate}, URI: "https://fulcio.example.com",
		ValidityPeriodStart: time.Now().Add(-time.Hour),
	}}
	r, err := sigroot.NewTrustedRoot(sigroot.TrustedRootMediaType01, authorities, nil, stamps, logs)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// newStamper makes a timestamp authority that answers over HTTP, at the time that the log is told.
func (p *private) newStamper(t testing.TB, authority *ecdsa.PrivateKey) {
	t.Helper()
	var err error
	if p.stamperKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	var key *ecdsa.PrivateKey
	if p.stampers, key, err = ca.GenerateTSAIntermediate(p.authority, authority); err != nil {
		t.Fatal(err)
	}
	// It begins when its issuer does, and lasts ten minutes: a test that makes a Sigstore must not wait for its turn after that.
	if p.stamper, err = ca.GenerateTSALeafCert(time.Now().Add(-2*time.Minute), p.stamperKey, p.stampers, key); err != nil {
		t.Fatal(err)
	}
}

func (p *private) stamp(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	request, err := tsp.ParseRequest(raw)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	response, err := p.stampOf(request)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(response)
}

func (p *private) stampOf(request *tsp.Request) ([]byte, error) {
	p.mu.Lock()
	at := p.logged
	p.mu.Unlock()
	if at.IsZero() {
		at = time.Now()
	}
	stamped := tsp.Timestamp{
		HashAlgorithm: request.HashAlgorithm, HashedMessage: request.HashedMessage, Time: at, Nonce: request.Nonce,
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}, AddTSACertificate: request.Certificates,
	}
	return stamped.CreateResponseWithOpts(p.stamper, p.stamperKey, crypto.SHA256)
}

// certified is a public key where a private one is asked for.
type certified struct {
	crypto.Signer
	public crypto.PublicKey
}

func (c certified) Public() crypto.PublicKey { return c.public }

// issue makes a certificate for whom the token says it is for.
func (p *private) issue(w http.ResponseWriter, r *http.Request) {
	var request struct {
		PublicKeyRequest struct{ PublicKey struct{ Content string } }
	}
	parts := strings.Split(r.Header.Get("Authorization"), ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	var who struct{ Email string }
	if err != nil || json.Unmarshal(claims, &who) != nil || json.NewDecoder(r.Body).Decode(&request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey([]byte(request.PublicKeyRequest.PublicKey.Content))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	begins := p.issued
	p.mu.Unlock()
	if begins.IsZero() {
		begins = time.Now().Add(-time.Minute)
	}
	leaf, err := ca.GenerateLeafCert(who.Email, issuer, begins, certified{public: public}, p.intermediate, p.signs)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	_ = json.NewEncoder(w).Encode(map[string]any{
		"signedCertificateEmbeddedSct": map[string]any{"chain": map[string]any{"certificates": []string{string(text)}}},
	})
}

// log adds an entry to the log.
func (p *private) log(w http.ResponseWriter, r *http.Request) {
	entry, err := p.entry(r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"code": 400, "message": err.Error()})
		return
	}
	const uuid = "0123456789abcdef"
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", uuid)
	w.Header().Set("Location", "/api/v1/log/entries/"+uuid)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(models.LogEntry{uuid: *entry})
}

// consumer decodes JSON for the log's library.
type consumer struct{}

func (consumer) Consume(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.UseNumber()
	return d.Decode(v)
}

func (p *private) entry(r *http.Request) (*models.LogEntryAnon, error) {
	proposed, err := models.UnmarshalProposedEntry(r.Body, consumer{})
	if err != nil {
		return nil, err
	}
	made, err := types.CreateVersionedEntry(proposed)
	if err != nil {
		return nil, err
	}
	body, err := types.CanonicalizeEntry(r.Context(), made)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	at, bare := p.logged, p.bare
	p.mu.Unlock()
	if at.IsZero() {
		at = time.Now()
	}
	name, err := p.RekorLogID()
	if err != nil {
		return nil, err
	}
	payload := tlog.RekorPayload{Body: base64.StdEncoding.EncodeToString(body), IntegratedTime: at.Unix(), LogIndex: 0, LogID: name}
	promise, err := p.RekorSignPayload(payload)
	if err != nil {
		return nil, err
	}
	if bare {
		promise = nil
	}
	proof, err := p.GetInclusionProof(body)
	return &models.LogEntryAnon{
		Body: payload.Body, IntegratedTime: &payload.IntegratedTime, LogIndex: &payload.LogIndex, LogID: &name,
		Verification: &models.LogEntryAnonVerification{InclusionProof: proof, SignedEntryTimestamp: promise},
	}, err
}

// set changes times; the lock is for the server.
func (p *private) set(issued, logged time.Time, bare bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.issued, p.logged, p.bare = issued, logged, bare
}

// token is an OpenID token; nobody checks its signature.
func token(email string) string {
	claims, _ := json.Marshal(map[string]any{"iss": issuer, "sub": email, "email": email, "email_verified": true, "aud": "sigstore"})
	return "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".e30"
}

func (p *private) signer(t testing.TB, email string) *Signer {
	t.Helper()
	s, err := NewSigner(SignerOptions{Token: token(email), Fulcio: p.server.URL, Log: p.server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *private) policy(t testing.TB, subjects ...string) *Policy {
	t.Helper()
	trust := Trust{Root: p.root}
	for _, s := range subjects {
		trust.Identities = append(trust.Identities, Identity{Issuer: issuer, Subject: s, Anchored: true})
	}
	return policyOf(t, trust)
}

func policyOf(t testing.TB, trust Trust) *Policy {
	t.Helper()
	p, err := NewPolicy(trust)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// holder is a key pair and who signs with it.
type holder struct {
	signer *Signer
	public []byte
}

func newHolder(t testing.TB, key crypto.Signer) holder {
	t.Helper()
	s, err := NewSigner(SignerOptions{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	public, err := PublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return holder{s, public}
}

func (h holder) policy(t testing.TB) *Policy {
	t.Helper()
	return policyOf(t, Trust{Keys: map[string][]byte{"cosign.pub": h.public}})
}

// host is a registry in memory. A middleware may answer first.
func host(t testing.TB, lists bool, middleware func(http.Handler) http.Handler) string {
	t.Helper()
	inner := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)), ggcr.WithReferrersSupport(lists))
	var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lists && r.Method == http.MethodPut {
			w.Header().Set("OCI-Subject", "sha256:of-some")
		}
		inner.ServeHTTP(w, r)
	})
	if middleware != nil {
		handler = middleware(handler)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the client tries TLS first
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func open(t testing.TB, address string) *registry.Repository {
	t.Helper()
	ref := registry.Reference{Registry: address, Repository: "org/app"}
	r, err := registry.NewClient(registry.Options{}).Repository(ref, registry.Access{Push: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pushArtifact pushes something that no other call pushes.
func pushArtifact(t testing.TB, r *registry.Repository) ocispec.Descriptor {
	t.Helper()
	content := make([]byte, 64)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	return pushManifest(t, r, "", ocispec.Manifest{Layers: []ocispec.Descriptor{pushBytes(t, r, ocispec.MediaTypeImageLayerGzip, content)}})
}

func pushBytes(t testing.TB, r *registry.Repository, mediaType string, raw []byte) ocispec.Descriptor {
	t.Helper()
	d := descriptor(mediaType, raw)
	if err := pushBlob(t.Context(), r, d, raw); err != nil {
		t.Fatal(err)
	}
	return d
}

// pushManifest fills in what every manifest has.
func pushManifest(t testing.TB, r *registry.Repository, tag string, m ocispec.Manifest) ocispec.Descriptor {
	t.Helper()
	m.SchemaVersion, m.MediaType = 2, ocispec.MediaTypeImageManifest
	if m.Config.Digest == "" {
		m.Config = pushBytes(t, r, ocispec.MediaTypeEmptyJSON, []byte("{}"))
	}
	d, raw, err := marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != nil {
		err = r.PushReferrer(t.Context(), d, raw)
	} else {
		err = r.PushManifest(t.Context(), tag, d, raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// manifestAt reads what a digest names.
func manifestAt(t testing.TB, r *registry.Repository, d digest.Digest) ocispec.Manifest {
	t.Helper()
	raw, _, err := r.Manifest(t.Context(), ocispec.Descriptor{Digest: d})
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func blobOf(t testing.TB, r *registry.Repository, d ocispec.Descriptor) []byte {
	t.Helper()
	body, err := r.Blob(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// flip changes a byte in the middle of what stands between two texts.
func flip(t testing.TB, raw []byte, after string) []byte {
	t.Helper()
	i := bytes.Index(raw, []byte(after))
	if i < 0 {
		t.Fatalf("%q is not in %s", after, raw)
	}
	changed := bytes.Clone(raw)
	i += len(after) + 12
	if changed[i] = 'A'; raw[i] == 'A' {
		changed[i] = 'B'
	}
	return changed
}

// reverse is another address of a registry, with a middleware before it.
func reverse(t testing.TB, address string, middleware func(http.Handler) http.Handler) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	server := httptest.NewUnstartedServer(middleware(proxy))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the client tries TLS first
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
