package signature

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// mirror is a TUF repository with one file, and the root that it is held against.
func mirror(t *testing.T, target []byte) (files map[string][]byte, rootJSON []byte) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signature.LoadSigner(key, crypto.Hash(0))
	if err != nil {
		t.Fatal(err)
	}
	public, err := metadata.KeyFromPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	tomorrow := time.Now().Add(24 * time.Hour).UTC()
	top, targets := metadata.Root(tomorrow), metadata.Targets(tomorrow)
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		if err := top.Signed.AddKey(public, role); err != nil {
			t.Fatal(err)
		}
	}
	file, err := metadata.TargetFile().FromBytes("trusted_root.json", target, "sha256")
	if err != nil {
		t.Fatal(err)
	}
	targets.Signed.Targets["trusted_root.json"] = file
	files = map[string][]byte{
		fmt.Sprintf("/targets/%x.trusted_root.json", sha256.Sum256(target)): target,
		"/timestamp.json":  signed(t, metadata.Timestamp(tomorrow), signer),
		"/1.snapshot.json": signed(t, metadata.Snapshot(tomorrow), signer),
		"/1.targets.json":  signed(t, targets, signer),
	}
	return files, signed(t, top, signer)
}

func signed[T metadata.Roles](t *testing.T, m *metadata.Metadata[T], signer signature.Signer) []byte {
	t.Helper()
	if _, err := m.Sign(signer); err != nil {
		t.Fatal(err)
	}
	raw, err := m.ToBytes(false)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Where a policy names no root, the public one counts: fetched once, and only from who may publish it.
func TestPublicRoot(t *testing.T) {
	t.Parallel()
	b := newBench(t, true, "referrer", nil)
	files, rootJSON := mirror(t, b.private.root)
	_, foreign := mirror(t, b.private.root)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, ok := files[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		asked.Add(1)
		_, _ = w.Write(raw)
	}))
	t.Cleanup(server.Close)
	b.policy = policyOf(t, Trust{Identities: []Identity{{Issuer: issuer, Subject: alice}}})
	b.sign(b.right, b.subject)
	v := NewVerifier(Options{Mirror: server.URL, Root: rootJSON})
	for range 3 {
		verified, err := v.Verify(t.Context(), b.repo, b.subject.Digest, b.policy)
		check(t, b, verified, err, 0, "")
	}
	if n := asked.Load(); n != int32(len(files)) {
		t.Errorf("%d files were fetched, want %d", n, len(files))
	}
	_, err := NewVerifier(Options{Mirror: server.URL, Root: foreign}).Verify(t.Context(), b.repo, b.subject.Digest, b.policy)
	if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != KindUnreachable {
		t.Errorf("a root of somebody else's: %#v", err)
	}
}
