package cloud

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// sky is where all requests of this process go that leave it: the libraries of the providers are the real ones, and so are the names
// and the TLS that they insist on. A proxy leads every host here, and the system's authorities are one that vouches for every host.
var sky = &clouds{asked: map[string]int{}, fail: map[string]int{}}

func TestMain(m *testing.M) {
	stop, err := sky.start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// clouds answers in the place of all providers, and remembers what they were asked.
type clouds struct {
	tls *httptest.Server

	mu    sync.Mutex
	asked map[string]int // by "METHOD host path"
	fail  map[string]int // status in place of an answer, by host
}

func (c *clouds) start() (stop func(), err error) {
	dir, err := os.MkdirTemp("", "cloud-test-")
	if err != nil {
		return nil, err
	}
	certificate, authority, err := newCertificate()
	if err != nil {
		return nil, err
	}
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, authority, 0o600); err != nil {
		return nil, err
	}
	c.tls = httptest.NewUnstartedServer(http.HandlerFunc(c.answer))
	c.tls.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	c.tls.StartTLS()
	proxy := httptest.NewServer(http.HandlerFunc(c.proxy))
	for _, set := range os.Environ() { // whatever this machine has
		if name, _, _ := strings.Cut(set, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "AZURE_") || strings.HasPrefix(name, "GOOGLE_") {
			os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{
		"HTTP_PROXY": proxy.URL, "HTTPS_PROXY": proxy.URL, "NO_PROXY": "", "http_proxy": "", "https_proxy": "", "no_proxy": "",
		"SSL_CERT_FILE": roots, "SSL_CERT_DIR": dir, "HOME": dir,
		"GCE_METADATA_HOST": strings.TrimPrefix(proxy.URL, "http://"), // this library takes no proxy
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	return func() { proxy.Close(); c.tls.Close(); os.RemoveAll(dir) }, nil
}

func newCertificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{
			"api.ecr.eu-west-1.amazonaws.com", "api.ecr.eu-south-1.amazonaws.com", "sts.eu-south-1.amazonaws.com", "sts.eu-west-1.amazonaws.com", "api.ecr-public.us-east-1.amazonaws.com",
			"login.microsoftonline.com", "*.azurecr.io", "sts.googleapis.com", "iamcredentials.googleapis.com",
		},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), nil
}

// proxy leads everything to answer.
func (c *clouds) proxy(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		c.answer(w, r)
		return
	}
	there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", c.tls.Listener.Addr().String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		there.Close()
		return
	}
	io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(there, here); there.Close() }()
	go func() { io.Copy(here, there); here.Close() }()
}

// times is how often something was asked, by "METHOD host path".
func (c *clouds) times(request string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[request]
}

// failing has a host answer with an error until the test ends.
func (c *clouds) failing(t *testing.T, host string, status int) {
	t.Helper()
	c.setFailing(host, status)
	t.Cleanup(func() { c.setFailing(host, 0) })
}

func (c *clouds) setFailing(host string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail[host] = status
}

const (
	tenant = "11111111-2222-3333-4444-555555555555"
	ours   = "kubernetes-token" // what Kubernetes issues
)

func (c *clouds) answer(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	c.mu.Lock()
	c.asked[r.Method+" "+host+" "+r.URL.Path]++
	status := c.fail[host]
	c.mu.Unlock()
	r.ParseForm()
	if status != 0 {
		refuse(w, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for _, cloud := range []func(http.ResponseWriter, *http.Request, string) bool{amazon, microsoft, google} {
		if cloud(w, r, host) {
			return
		}
	}
	http.NotFound(w, r)
}

// refuse answers as providers do, with an error in several lines that is never quite the same.
func refuse(w http.ResponseWriter, status int) {
	id := rand.Text()
	uuid := fmt.Sprintf("%08x-0000-4000-8000-%012x", time.Now().UnixNano()&0xffffffff, time.Now().UnixNano()&0xffffffffffff)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", uuid)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{
		"__type": "AccessDeniedException", "message": "not for you", "error": "unauthorized_client",
		"error_description": "AADSTS700016: not for you.\r\nTrace ID: " + uuid + "\r\nTimestamp: " + time.Now().UTC().Format("2006-01-02 15:04:05.000Z") + " eyJ" + id + "." + id + id + "." + id,
	})
}

func reply(w http.ResponseWriter, value any) bool {
	json.NewEncoder(w).Encode(value)
	return true
}

// soon is when what is issued ends.
func soon() time.Time { return time.Now().Add(time.Hour) }

// amazon knows two identities by their access keys: the machine's, and the one that the role of a ServiceAccount gives.
func amazon(w http.ResponseWriter, r *http.Request, host string) bool {
	switch host + " " + r.URL.Path {
	case "169.254.169.254 /latest/api/token":
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "600")
		io.WriteString(w, "session")
		return true
	case "169.254.169.254 /latest/meta-data/iam/security-credentials/":
		io.WriteString(w, "node")
		return true
	case "169.254.169.254 /latest/meta-data/iam/security-credentials/node":
		return reply(w, map[string]any{"Code": "Success", "AccessKeyId": "NODE", "SecretAccessKey": "s", "Token": "t", "Expiration": soon().Format(time.RFC3339)})
	case "sts.eu-west-1.amazonaws.com /":
		if r.Form.Get("Action") != "AssumeRoleWithWebIdentity" || r.Form.Get("WebIdentityToken") != ours || r.Form.Get("RoleArn") != roleARN {
			return false
		}
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, soon().UTC().Format(time.RFC3339))
		return true
	case "api.ecr.eu-west-1.amazonaws.com /", "api.ecr-public.us-east-1.amazonaws.com /":
		_, who, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		who, _, _ = strings.Cut(who, "/")
		issued := map[string]any{"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:for-" + who)), "expiresAt": soon().Unix()}
		if strings.Contains(host, "public") {
			return reply(w, map[string]any{"authorizationData": issued})
		}
		return reply(w, map[string]any{"authorizationData": []any{issued}})
	}
	return false
}

func microsoft(w http.ResponseWriter, r *http.Request, host string) bool {
	base := "https://login.microsoftonline.com/" + tenant
	switch {
	case host == "169.254.169.254" && r.URL.Path == "/metadata/identity/oauth2/token":
		return reply(w, map[string]any{"access_token": "node", "expires_on": fmt.Sprint(soon().Unix()), "resource": r.Form.Get("resource"), "token_type": "Bearer"})
	case host == "login.microsoftonline.com" && strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		return reply(w, map[string]any{"issuer": base + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize"})
	case host == "login.microsoftonline.com" && strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		return reply(w, map[string]any{"tenant_discovery_endpoint": base + "/v2.0/.well-known/openid-configuration", "metadata": []any{}})
	case host == "login.microsoftonline.com" && r.URL.Path == "/"+tenant+"/oauth2/v2.0/token" && r.Form.Get("client_assertion") == ours:
		return reply(w, map[string]any{"access_token": r.Form.Get("client_id"), "expires_in": 3600, "token_type": "Bearer"})
	case host == "incomplete.azurecr.io":
		return reply(w, map[string]any{})
	case strings.HasSuffix(host, ".azurecr.io") && r.URL.Path == "/oauth2/exchange" && r.Form.Get("service") == host:
		claims, _ := json.Marshal(map[string]any{"exp": soon().Unix(), "for": r.Form.Get("access_token")})
		part := base64.RawURLEncoding.EncodeToString
		return reply(w, map[string]any{"refresh_token": part([]byte(`{"alg":"none"}`)) + "." + part(claims) + "."})
	}
	return false
}

func google(w http.ResponseWriter, r *http.Request, host string) bool {
	issued := map[string]any{"expires_in": 3600, "token_type": "Bearer", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
	switch {
	case host == "127.0.0.1" && r.URL.Path == "/computeMetadata/v1/instance/service-accounts/default/token":
		issued["access_token"] = "node"
		return reply(w, issued)
	case host == "127.0.0.1" && r.URL.Path == "/computeMetadata/v1/universe/universe-domain":
		io.WriteString(w, "googleapis.com")
		return true
	case host == "sts.googleapis.com" && r.URL.Path == "/v1/token" && r.Form.Get("subject_token") == ours && r.Form.Get("audience") == "//iam.googleapis.com/"+pool:
		issued["access_token"] = "federated"
		return reply(w, issued)
	case host == "iamcredentials.googleapis.com" && r.URL.Path == "/v1/projects/-/serviceAccounts/"+email+":generateAccessToken" && r.Header.Get("Authorization") == "Bearer federated":
		return reply(w, map[string]any{"accessToken": "impersonated", "expireTime": soon().UTC().Format(time.RFC3339)})
	}
	return false
}

func contextOf(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
