package cloud

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

const (
	roleARN = "arn:aws:iam::123456789012:role/reader"
	pool    = "projects/1/locations/global/workloadIdentityPools/p/providers/k"
	email   = "reader@project.iam.gserviceaccount.com"
	reader  = "99999999-2222-3333-4444-555555555555" // client ID
)

// kubernetes issues tokens for ServiceAccounts.
type kubernetes struct {
	client.SubResourceClient
	mu        sync.Mutex
	audiences []string
	err       error
}

func (k *kubernetes) SubResource(name string) client.SubResourceClient {
	if name != "token" {
		panic(name)
	}
	return k
}

func (k *kubernetes) Create(_ context.Context, _, request client.Object, _ ...client.SubResourceCreateOption) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	token := request.(*authenticationv1.TokenRequest)
	token.Status.Token = ours
	k.audiences = token.Spec.Audiences
	return k.err
}

func accountWith(annotations ...string) *corev1.ServiceAccount {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "reader", UID: types.UID("1"), Annotations: map[string]string{}}}
	for i := 0; i < len(annotations); i += 2 {
		account.Annotations[annotations[i]] = annotations[i+1]
	}
	return account
}

func azureAccount() *corev1.ServiceAccount {
	return accountWith("azure.workload.identity/tenant-id", tenant, "azure.workload.identity/client-id", reader)
}

func mustParse(t *testing.T, s string) registry.Reference {
	t.Helper()
	ref, err := registry.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

const (
	ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/org/app"
	acr = "ours.azurecr.io/org/app"
	gar = "europe-docker.pkg.dev/project/org/app"
)

// The providers' real libraries, in the name of the agent and of a ServiceAccount.
func TestCredential(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		provider, repository string
		account              *corev1.ServiceAccount
		user, password       string // what the password holds
		audience             string
	}{
		"aws, agent":                {"aws", ecr, nil, "AWS", "for-NODE", ""},
		"aws, public":               {"aws", "public.ecr.aws/org/app", nil, "AWS", "for-NODE", ""},
		"aws, account":              {"aws", ecr, accountWith("eks.amazonaws.com/role-arn", roleARN), "AWS", "for-ROLE", "sts.amazonaws.com"},
		"azure, agent":              {"azure", acr, nil, "00000000-0000-0000-0000-000000000000", `"node"`, ""},
		"azure, account":            {"azure", acr, azureAccount(), "00000000-0000-0000-0000-000000000000", reader, "api://AzureADTokenExchange"},
		"gcp, agent":                {"gcp", gar, nil, "oauth2accesstoken", "node", ""},
		"gcp, agent, gcr.io":        {"gcp", "eu.gcr.io/project/app", nil, "oauth2accesstoken", "node", ""},
		"gcp, account":              {"gcp", gar, accountWith("gcp.auth.fluxcd.io/workload-identity-provider", pool), "oauth2accesstoken", "federated", "//iam.googleapis.com/" + pool},
		"gcp, account, other email": {"gcp", gar, accountWith("gcp.auth.fluxcd.io/workload-identity-provider", pool, "iam.gke.io/gcp-service-account", email), "oauth2accesstoken", "impersonated", "//iam.googleapis.com/" + pool},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := &kubernetes{}
			got, err := (&Identities{Client: cluster}).Credential(contextOf(t), test.provider, mustParse(t, test.repository), test.account)
			if err != nil {
				t.Fatal(err)
			}
			if got.Username != test.user || !strings.Contains(readable(got.Password), test.password) {
				t.Errorf("got user %q, password %q", got.Username, got.Password)
			}
			renewed, err := (&Identities{Client: &kubernetes{}}).Credential(contextOf(t), test.provider, mustParse(t, test.repository), test.account)
			if err != nil || got.Identity == "" || renewed.Identity != got.Identity {
				t.Errorf("it is %q, and %q when it is renewed (%v)", got.Identity, renewed.Identity, err)
			}
			var want []string
			if test.audience != "" {
				want = []string{test.audience}
			}
			if !slices.Equal(cluster.audiences, want) {
				t.Errorf("Kubernetes was asked for a token for %q, not %q", cluster.audiences, want)
			}
		})
	}
}

// readable is a token's claims, or the password itself.
func readable(password string) string {
	parts := strings.Split(password, ".")
	if len(parts) != 3 {
		return password
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	refusing := &kubernetes{err: errors.New("serviceaccounts \"reader\" is forbidden")}
	tests := map[string]struct {
		provider, repository string
		account              *corev1.ServiceAccount
		want                 string
	}{
		"aws, another host":    {"aws", "ghcr.io/org/app", nil, `"ghcr.io" is no registry of provider aws`},
		"aws, similar host":    {"aws", "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.test/org/app", nil, "is no registry of provider aws"},
		"azure, another host":  {"azure", ecr, nil, "is no registry of provider azure"},
		"azure, port":          {"azure", "ours.azurecr.io:444/org/app", nil, "is no registry of provider azure"},
		"gcp, another host":    {"gcp", acr, nil, "is no registry of provider gcp"},
		"gcp, similar host":    {"gcp", "gcr.io.evil.test/org/app", nil, "is no registry of provider gcp"},
		"unknown provider":     {"ibm", ecr, nil, `there is no provider "ibm"`},
		"aws, no role":         {"aws", ecr, accountWith(), "eks.amazonaws.com/role-arn"},
		"azure, no identity":   {"azure", acr, accountWith(), "azure.workload.identity/tenant-id"},
		"no right to tokens":   {"azure", acr, azureAccount(), "ask Kubernetes for a token: serviceaccounts"},
		"incomplete answer":    {"azure", "incomplete.azurecr.io/org/app", nil, "answer is not complete"},
		"gcp, malformed email": {"gcp", gar, accountWith("iam.gke.io/gcp-service-account", "x"), "iam.gke.io/gcp-service-account"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (&Identities{Client: refusing}).Credential(contextOf(t), test.provider, mustParse(t, test.repository), test.account)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q in it", err, test.want)
			}
		})
	}
}

// The same trouble has the same words each time, for each change of them is an event; on one line, and with no token in it.
func TestFailuresReadTheSame(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		provider, repository string
		account              *corev1.ServiceAccount
		host                 string
		want                 string
	}{
		"aws, registry":   {"aws", "123456789012.dkr.ecr.eu-south-1.amazonaws.com/org/app", nil, "api.ecr.eu-south-1.amazonaws.com", "not for you"},
		"aws, account":    {"aws", "123456789012.dkr.ecr.eu-south-1.amazonaws.com/org/app", accountWith("eks.amazonaws.com/role-arn", roleARN), "sts.eu-south-1.amazonaws.com", "403"},
		"azure, registry": {"azure", "stable.azurecr.io/org/app", nil, "stable.azurecr.io", "403"},
	} {
		sky.failing(t, test.host, 403)
		var said []string
		for range 2 {
			_, err := (&Identities{Client: &kubernetes{}}).Credential(contextOf(t), test.provider, mustParse(t, test.repository), test.account)
			if err == nil {
				t.Fatalf("%s: no error", name)
			}
			said = append(said, err.Error())
		}
		if said[0] != said[1] {
			t.Errorf("%s: it says\n%s\nand then\n%s", name, said[0], said[1])
		}
		if text := said[0]; !strings.Contains(text, test.want) || strings.Contains(text, "\n") || strings.Contains(text, "eyJ") || len(text) > maxText+len("…") {
			t.Errorf("%s: it says %q", name, text)
		}
		t.Log(said[0])
	}
}

// However many objects wait for it, one login is enough for all of them.
func TestLoginsAreShared(t *testing.T) {
	t.Parallel()
	identities := &Identities{Client: &kubernetes{}}
	exchange := "POST shared.azurecr.io /oauth2/exchange"
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := identities.Credential(contextOf(t), "azure", mustParse(t, "shared.azurecr.io/org/app"), nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := sky.times(exchange); n != 1 {
		t.Errorf("%d logins", n)
	}
	for name, account := range map[string]*corev1.ServiceAccount{"account": azureAccount(), "another of that name": azureAccount()} {
		if name != "account" {
			account.UID = "2"
		}
		before := sky.times(exchange)
		if _, err := identities.Credential(contextOf(t), "azure", mustParse(t, "shared.azurecr.io/org/other"), account); err != nil {
			t.Fatal(err)
		}
		if n := sky.times(exchange) - before; n != 1 {
			t.Errorf("%s: %d logins", name, n)
		}
	}
}

func TestFailuresAreNotKept(t *testing.T) {
	t.Parallel()
	identities := &Identities{Client: &kubernetes{}}
	get := func() error {
		_, err := identities.Credential(contextOf(t), "azure", mustParse(t, "failing.azurecr.io/org/app"), nil)
		return err
	}
	t.Run("while it fails", func(t *testing.T) {
		sky.failing(t, "failing.azurecr.io", 403)
		if err := get(); err == nil || strings.Contains(err.Error(), "node") {
			t.Errorf("error is %v", err)
		}
	})
	if err := get(); err != nil {
		t.Error(err)
	}
}

func TestCredentialsAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	for life, renewed := range map[time.Duration]time.Duration{
		time.Hour:        55 * time.Minute,
		10 * time.Minute: 8 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			var i Identities
			mine, other := key{1}, key{2}
			i.keep(mine, registry.Credential{Username: "u"}, time.Now().Add(life))
			time.Sleep(renewed - time.Second) //nolint:forbidigo // in a bubble
			if _, ok := i.known(mine); !ok {
				t.Errorf("%s: renewed too early", life)
			}
			time.Sleep(time.Second) //nolint:forbidigo // in a bubble
			if _, ok := i.known(mine); ok {
				t.Errorf("%s: not renewed at %s", life, renewed)
			}
			time.Sleep(life) //nolint:forbidigo // in a bubble
			i.keep(other, registry.Credential{}, time.Now().Add(life))
			if len(i.issued) != 1 {
				t.Errorf("%d are kept", len(i.issued))
			}
		})
	}
}
