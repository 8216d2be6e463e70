package cli_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
)

// vault is what kubectl-oci asks of a Vault: its transit engine, with keys for ECDSA that never leave it.
type vault struct {
	token string

	mu   sync.Mutex
	keys map[string]*ecdsa.PrivateKey
}

func (s *script) startVault(ts *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	v := &vault{token: "hvs." + rand.Text(), keys: map[string]*ecdsa.PrivateKey{}}
	s.t.secrets = append(s.t.secrets, v.token)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/transit/keys/{name}", v.describe)
	mux.HandleFunc("PUT /v1/transit/keys/{name}", v.create)
	mux.HandleFunc("PUT /v1/transit/sign/{name}/sha2-256", v.sign)
	server, err := loopback.Serve(s.t.Context(), v.guard(mux), loopback.Options{})
	if err != nil {
		return err
	}
	ts.Defer(server.Close)
	ts.Setenv("VAULT_ADDR", "http://"+server.Addr)
	ts.Setenv("VAULT_TOKEN", v.token)
	return nil
}

// guard refuses strangers, and is asked one thing at a time.
func (v *vault) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Vault-Token") != v.token {
			reply(w, http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (v *vault) describe(w http.ResponseWriter, r *http.Request) {
	key := v.keys[r.PathValue("name")]
	if key == nil {
		reply(w, http.StatusNotFound, map[string]any{"errors": []string{}})
		return
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"errors": []string{err.Error()}})
		return
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	reply(w, http.StatusOK, map[string]any{"data": map[string]any{
		"latest_version": 1, "keys": map[string]any{"1": map[string]string{"name": "P-256", "public_key": text}},
	}})
}

func (v *vault) create(w http.ResponseWriter, r *http.Request) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"errors": []string{err.Error()}})
		return
	}
	v.keys[r.PathValue("name")] = key // Vault keeps an old one: here, a test would notice
	w.WriteHeader(http.StatusNoContent)
}

func (v *vault) sign(w http.ResponseWriter, r *http.Request) {
	var question struct {
		Input     []byte `json:"input"`
		Prehashed bool   `json:"prehashed"`
	}
	key := v.keys[r.PathValue("name")]
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil || !question.Prehashed || key == nil {
		reply(w, http.StatusBadRequest, map[string]any{"errors": []string{"no such key, or nothing to sign"}})
		return
	}
	sig, err := key.Sign(rand.Reader, question.Input, crypto.SHA256)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"errors": []string{err.Error()}})
		return
	}
	reply(w, http.StatusOK, map[string]any{"data": map[string]string{"signature": "vault:v1:" + base64.StdEncoding.EncodeToString(sig)}})
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client would notice
}
