package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Whoever waits for a login that does not come can call it off, and is told that it was that.
func TestLoginCanBeInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer": %[1]q, "jwks_uri": "%[1]s/keys", "token_endpoint": "%[1]s/token", "authorization_endpoint": "%[1]s/auth",
			"device_authorization_endpoint": "%[1]s/device", "code_challenge_methods_supported": ["S256"]}`, server.URL)
	})
	mux.HandleFunc("POST /device", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"device_code": "1", "user_code": "2", "verification_uri": "https://example.com", "interval": 3600}`)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		fmt.Fprint(w, `{"error": "access_denied"}`)
	})
	i := identity{issuer: server.URL, client: audience, noBrowser: true}
	_, err := i.logIn(ctx, false, genericiooptions.NewTestIOStreamsDiscard(), newReporter(io.Discard))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
