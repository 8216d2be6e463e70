package agent_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/gateway"
	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

const (
	ecrHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
	ecrRole = "arn:aws:iam::123456789012:role/reader"
)

// amazon answers in the place of a node's metadata service, of STS and of ECR's own endpoint: the node may read the registry as one user,
// and who comes with a token of a ServiceAccount, as another.
type amazon struct {
	logins atomic.Int64
	tokens atomic.Value // what STS was shown last: a ServiceAccount's token
}

func (a *amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	end := time.Now().Add(time.Hour).UTC()
	switch key, _, _ := strings.Cut(r.Host, ":"); key + " " + r.URL.Path {
	case "169.254.169.254 /latest/api/token":
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "600")
		_, _ = io.WriteString(w, "session")
	case "169.254.169.254 /latest/meta-data/iam/security-credentials/":
		_, _ = io.WriteString(w, "node")
	case "169.254.169.254 /latest/meta-data/iam/security-credentials/node":
		_ = json.NewEncoder(w).Encode(map[string]any{"Code": "Success", "AccessKeyId": "NODE", "SecretAccessKey": "s", "Token": "t", "Expiration": end.Format(time.RFC3339)})
	case "sts.eu-west-1.amazonaws.com /":
		a.tokens.Store(r.FormValue("WebIdentityToken"))
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, end.Format(time.RFC3339))
	case "api.ecr.eu-west-1.amazonaws.com /":
		a.logins.Add(1)
		_, who, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		who, _, _ = strings.Cut(who, "/")
		_ = json.NewEncoder(w).Encode(map[string]any{"authorizationData": []any{map[string]any{
			"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:issued-for-" + who)), "expiresAt": end.Unix(),
		}}})
	default:
		http.NotFound(w, r)
	}
}

// newAmazon leads an agent with that environment to the fake and, under ECR's name, to a registry.
func newAmazon(t *testing.T, reg *registry.Registry) (*amazon, []string) {
	t.Helper()
	a := &amazon{}
	ca, err := pki.NewCA("amazon")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(pki.Subject{Name: "amazon", DNS: []string{"sts.eu-west-1.amazonaws.com", "api.ecr.eu-west-1.amazonaws.com"}})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := pair.TLS()
	if err != nil {
		t.Fatal(err)
	}
	serve := func(o loopback.Options) string {
		server, err := loopback.Serve(t.Context(), a, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		return server.Addr
	}
	world, err := gateway.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Stop)
	endpoint := serve(loopback.Options{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	world.Route("169.254.169.254", serve(loopback.Options{}))
	world.Route("sts.eu-west-1.amazonaws.com", endpoint)
	world.Route("api.ecr.eu-west-1.amazonaws.com", endpoint)
	world.Route(ecrHost, tlsFront(t, ca, reg, &tls.Config{}, ecrHost).Addr)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, ca.Cert, 0o600); err != nil {
		t.Fatal(err)
	}
	return a, append(world.Env(), "SSL_CERT_FILE="+roots, "AWS_CA_BUNDLE=", "AWS_EC2_METADATA_DISABLED=", "AWS_ACCESS_KEY_ID=", "AWS_PROFILE=", "AWS_WEB_IDENTITY_TOKEN_FILE=")
}

// An object logs in at a cloud's registry: by itself as the agent, under the policy that lets nobody near a metadata service, and by a
// ServiceAccount as that one, with the right of the component alone.
func TestCloud(t *testing.T) {
	t.Parallel()
	r := newShard(t, "cloud")
	reg := registry.For(t, registry.Options{Auth: registry.Basic, Users: []registry.User{{Name: "AWS", Password: "issued-for-NODE", Repositories: []string{"org/"}}}})
	p := push(t, reg, "org/app", folder("a.yaml", "a: 1\n"), "v1")
	cloud, env := newAmazon(t, reg)
	runAgent(t, agentOptions{Shard: "cloud", Token: installWith(t, "workload-identity"), Env: env, Policy: policyOf("- {insecure: true, addresses: [public]}\n")})
	spec := v1.OCIRepositorySpec{URL: "oci://" + ecrHost + "/org/app", Reference: &v1.OCIRepositoryRef{Tag: "v1"}, Provider: v1.ProviderAWS}

	r.create("agent", spec)
	download(t, r.until("agent", exposes(p.revision("v1"))))
	r.poll("agent")
	r.create("again", spec)
	r.until("again", exposes(p.revision("v1")))
	if n := cloud.logins.Load(); n != 1 {
		t.Errorf("%d logins for one identity", n)
	}

	insecure := spec
	insecure.Insecure = true
	r.create("insecure", insecure)
	r.until("insecure", failsWith(v1.ReasonAuthenticationFailed, "the agent shows its own identity to registries alone"))

	spec.ServiceAccountName = "puller"
	r.create("account", spec)
	r.until("account", failsWith(v1.ReasonAuthenticationFailed, "/puller\": there is none"))
	r.account("puller")
	r.until("account", failsWith(v1.ReasonAuthenticationFailed, "eks.amazonaws.com/role-arn"))
	r.put(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "puller", Annotations: map[string]string{"eks.amazonaws.com/role-arn": ecrRole}}})
	r.until("account", failsWith(v1.ReasonAuthenticationFailed, `asked as user "AWS" (from provider aws for service account "puller")`))
	if err := reg.SetUsers([]registry.User{{Name: "AWS", Password: "issued-for-ROLE"}}); err != nil {
		t.Fatal(err)
	}
	r.until("account", exposes(p.revision("v1")))
	shown, _ := cloud.tokens.Load().(string)
	if claims := claimsOf(t, shown); !strings.Contains(claims, "system:serviceaccount:"+r.namespace+":puller") || !strings.Contains(claims, "sts.amazonaws.com") {
		t.Errorf("STS was shown %s", claims)
	}
	for _, secret := range []string{"issued-for", shown} {
		if story := r.story("account") + r.story("agent"); strings.Contains(story, secret) {
			t.Errorf("a credential is told in\n%s", story)
		}
	}
}

func claimsOf(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(claims)
}
