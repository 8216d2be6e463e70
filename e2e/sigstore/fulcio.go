package sigstore

import (
	"bytes"
	"crypto"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// certificateRequest is what Fulcio is asked, as far as it is used.
type certificateRequest struct {
	PublicKeyRequest struct {
		PublicKey struct {
			Content string `json:"content"` // PEM
		} `json:"publicKey"`
		ProofOfPossession []byte `json:"proofOfPossession"` // the subject, signed
	} `json:"publicKeyRequest"`
}

// certifyKey issues a certificate to whom the token is for.
func (s *Sigstore) certifyKey(w http.ResponseWriter, r *http.Request) {
	subject, err := s.house.provider.whose(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if err != nil {
		refuse(w, http.StatusUnauthorized, err)
		return
	}
	var asked certificateRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	public, err := asked.proven(subject)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	leaf, err := s.house.authority.issue(subject, s.house.provider.issuer, public, or(s.clock.Issued))
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	var chain []string
	for _, der := range [][]byte{leaf.Raw, s.house.authority.intermediate.Raw, s.house.authority.root.Raw} {
		chain = append(chain, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	}
	send(w, http.StatusOK, map[string]any{"signedCertificateEmbeddedSct": map[string]any{"chain": map[string]any{"certificates": chain}}})
}

// proven is the key for which whoever asks can sign.
func (q *certificateRequest) proven(subject string) (crypto.PublicKey, error) {
	public, err := cryptoutils.UnmarshalPEMToPublicKey([]byte(q.PublicKeyRequest.PublicKey.Content))
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	verifier, err := signature.LoadDefaultVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	if err := verifier.VerifySignature(bytes.NewReader(q.PublicKeyRequest.ProofOfPossession), strings.NewReader(subject)); err != nil {
		return nil, fmt.Errorf("check proof of possession: %w", err)
	}
	return public, nil
}
