package registry

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

func TestLookupErrorsAreStable(t *testing.T) {
	t.Parallel()
	dns := &net.DNSError{Err: "read udp 10.244.0.5:41234->10.96.0.10:53: i/o timeout", Name: "r.example", Server: "10.96.0.10:53", IsTimeout: true}
	err := translate(&url.Error{Op: "Get", URL: "https://r.example/v2/", Err: &net.OpError{Op: "dial", Net: "tcp", Err: dns}})
	if want := "GET r.example: dial: lookup r.example: timeout"; err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
	if found, ok := errors.AsType[*net.DNSError](err); !ok || !found.IsTimeout {
		t.Error("the kind of the error is lost")
	}
}

func TestLargeManifestIsUnusable(t *testing.T) {
	t.Parallel()
	_, _, err := new(Repository).Manifest(t.Context(), ocispec.Descriptor{Size: artifact.MaxManifest + 1})
	if _, ok := errors.AsType[*UnusableError](err); !ok {
		t.Errorf("the error is %v", err)
	}
}

func TestRefusalsNameTheCredential(t *testing.T) {
	t.Parallel()
	anna, ben := Credential{Username: "anna", Password: "hush"}, Credential{Username: "ben", Password: "hush"}
	for name, tc := range map[string]struct {
		code        int
		credentials []Credential
		want        string
	}{
		"anonymous":       {http.StatusUnauthorized, nil, "(HTTP 401), asked without a credential"},
		"user":            {http.StatusForbidden, []Credential{anna}, `(HTTP 403), asked as user "anna"`},
		"several":         {http.StatusForbidden, []Credential{anna, ben}, `(HTTP 403), asked as user "anna", then as user "ben"`},
		"token":           {http.StatusUnauthorized, []Credential{{RegistryToken: "hush"}}, "(HTTP 401), asked with a token"},
		"name is a token": {http.StatusUnauthorized, []Credential{{Username: "hush"}}, "(HTTP 401), asked with a token"},
		"other trouble":   {http.StatusNotFound, []Credential{anna}, "(HTTP 404)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, intercept(http.MethodHead, "/manifests/", always, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(tc.code) }))
			_, err := open(t, NewClient(Options{}), host.ref("org/app"), Access{Credentials: tc.credentials}).Resolve(t.Context(), "v1")
			if err == nil || !strings.HasSuffix(err.Error(), tc.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("the error is %v, want %s at its end", err, tc.want)
			}
		})
	}
}

// A registry may name anybody as its token service: what that one answers is not to be read in a status.
func TestAnswersOfTokenServicesAreNotQuoted(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"other secret": `{"refresh_token": "hush"}`,
		"other page":   `{"password": "hush"}`,
		"no JSON":      `hush`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/token" {
						_, _ = io.WriteString(w, body)
						return
					}
					w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test"`, r.Host))
					w.WriteHeader(http.StatusUnauthorized)
				})
			})
			_, err := open(t, NewClient(Options{}), host.ref("org/app"), Access{}).Resolve(t.Context(), "v1")
			if err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v", err)
			}
		})
	}
}
