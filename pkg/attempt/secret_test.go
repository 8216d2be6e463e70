package attempt

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Which credentials are tried, and in which order.
func TestCredentials(t *testing.T) {
	t.Parallel()
	r := meansIn(
		pullSecretFor("own", "ghcr.io", "own", "p"),
		pullSecretFor("first", "ghcr.io", "first", "p"),
		pullSecretFor("second", "ghcr.io", "second", "p"),
		pullSecretFor("elsewhere", "quay.io", "x", "p"),
		secretWith("opaque", corev1.SecretTypeOpaque, "a", "b"),
		accountWith("bare"),
		accountWith("account", "first", "elsewhere", "second"),
		accountWith("twice", "own", "first"),
		accountWith("dangling", "first", "none"),
		accountWith("wrong", "opaque"),
		accountWith("old", "dockercfg"),
		secretWith("dockercfg", corev1.SecretTypeDockercfg, corev1.DockerConfigKey, `{"ghcr.io":{"username":"old","password":"p"}}`),
	)
	r.DefaultServiceAccount = "bare"
	lacking := meansIn()
	lacking.DefaultServiceAccount = "bare"
	alone := meansIn()
	tests := map[string]struct {
		r    *Means
		spec v1.OCIRepositorySpec
		want string // what was tried, or an error
	}{
		"none":                            {r, v1.OCIRepositorySpec{}, ""},
		"secret":                          {r, v1.OCIRepositorySpec{SecretRef: ref("own")}, `user own of secret "apps/own"`},
		"account":                         {r, v1.OCIRepositorySpec{ServiceAccountName: "account"}, `user first of secret "apps/first", user second of secret "apps/second"`},
		"both":                            {r, v1.OCIRepositorySpec{SecretRef: ref("own"), ServiceAccountName: "account"}, `user own of secret "apps/own", user first of secret "apps/first", user second of secret "apps/second"`},
		"the same twice":                  {r, v1.OCIRepositorySpec{SecretRef: ref("own"), ServiceAccountName: "twice"}, `user own of secret "apps/own", user first of secret "apps/first"`},
		"account without":                 {r, v1.OCIRepositorySpec{ServiceAccountName: "bare"}, ""},
		"no secret":                       {r, v1.OCIRepositorySpec{SecretRef: ref("none")}, `error: read secret "apps/none": there is none`},
		"no account":                      {r, v1.OCIRepositorySpec{ServiceAccountName: "none"}, `error: read service account "apps/none": there is none`},
		"account's secret is missing":     {r, v1.OCIRepositorySpec{ServiceAccountName: "dangling"}, `error: read secret "apps/none": there is none`},
		"account's secret is of no use":   {r, v1.OCIRepositorySpec{ServiceAccountName: "wrong"}, `error: read secret "apps/opaque": its type is "Opaque", not "kubernetes.io/dockerconfigjson"`},
		"account's secret is old":         {r, v1.OCIRepositorySpec{ServiceAccountName: "old"}, `user old of secret "apps/dockercfg"`},
		"cloud":                           {alone, v1.OCIRepositorySpec{Provider: "aws"}, `user aws of provider aws for the agent`},
		"cloud, default account":          {r, v1.OCIRepositorySpec{Provider: "aws"}, `user aws of provider aws for service account "bare"`},
		"cloud, default account missing":  {lacking, v1.OCIRepositorySpec{Provider: "aws"}, `error: log in with provider aws: spec.serviceAccountName is missing, and so is the default: read service account "apps/bare": there is none`},
		"no cloud, default account":       {lacking, v1.OCIRepositorySpec{Provider: v1.ProviderGeneric}, ""},
		"cloud, account":                  {r, v1.OCIRepositorySpec{Provider: "gcp", ServiceAccountName: "bare"}, `user gcp of provider gcp for service account "bare"`},
		"cloud, secret":                   {r, v1.OCIRepositorySpec{Provider: "gcp", SecretRef: ref("own")}, `user own of secret "apps/own"`},
		"cloud, account with secrets":     {r, v1.OCIRepositorySpec{Provider: "gcp", ServiceAccountName: "account"}, `user first of secret "apps/first", user second of secret "apps/second"`},
		"cloud, secret for other hosts":   {alone, v1.OCIRepositorySpec{Provider: "azure", URL: "oci://unsuitable.test/org/app"}, `error: log in with provider azure as the agent: "unsuitable.test" is no registry of provider azure, as <name>.azurecr.io is`},
		"cloud, insecure":                 {alone, v1.OCIRepositorySpec{Provider: "aws", Insecure: true}, "error: log in with provider aws: " + errNotTheAgents.Error()},
		"cloud, insecure with an account": {r, v1.OCIRepositorySpec{Provider: "aws", Insecure: true, ServiceAccountName: "bare"}, `user aws of provider aws for service account "bare"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := wayOf(t, test.r, objectWith(test.spec))
			var tried []string
			for i, c := range w.Credentials {
				tried = append(tried, fmt.Sprintf("%s of %s", c, w.from[i]))
			}
			got := strings.Join(tried, ", ")
			if err != nil {
				got = "error: " + err.Error()
				if f, ok := errors.AsType[*source.Error](err); !ok || f.Reason != v1.ReasonAuthenticationFailed || f.Terminal == f.RetryAt.IsZero() {
					t.Errorf("failure is %+v", f)
				}
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// One object's author must not have the agent flood the API server, or a registry, with every poll.
func TestPullSecretsAreBounded(t *testing.T) {
	t.Parallel()
	var names, entries []string
	for i := range maxPullSecrets + 1 {
		names = append(names, "own")
		entries = append(entries, fmt.Sprintf(`"ghcr.io%s":{"username":"u%d","password":"p"}`, strings.Repeat("/", i), i))
	}
	r := meansIn(
		pullSecretFor("own", "ghcr.io", "own", "p"),
		accountWith("many", names...),
		secretWith("long", corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths":{`+strings.Join(entries, ",")+`}}`),
	)
	for want, spec := range map[string]v1.OCIRepositorySpec{
		"read pull secrets: there are 33, more than 32":                             {ServiceAccountName: "many"},
		"read pull secrets: they have 33 entries for ghcr.io/org/app, more than 32": {SecretRef: ref("long")},
	} {
		if _, err := accessOf(t, r, objectWith(spec)); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	r := meansIn(
		secretWith("full", corev1.SecretTypeOpaque, "address", "http://proxy.test:3128", "username", "u", "password", "s3cret"),
		secretWith("plain", "any/type", "address", "http://proxy.test:3128"),
		secretWith("typo", corev1.SecretTypeOpaque, "adresse", "http://proxy.test:3128"),
		secretWith("empty", corev1.SecretTypeOpaque),
		secretWith("socks", corev1.SecretTypeOpaque, "address", "socks5://u:s3cret@proxy.test"),
	)
	tests := map[string]struct {
		want registry.Proxy
		err  string
	}{
		"full":  {want: registry.Proxy{Address: "http://proxy.test:3128", Username: "u", Password: "s3cret"}},
		"plain": {want: registry.Proxy{Address: "http://proxy.test:3128"}},
		"typo":  {err: `read secret "apps/typo": it has no address, but adresse`},
		"empty": {err: `read secret "apps/empty": it has no address, but nothing`},
		"socks": {err: `read secret "apps/socks": the proxy's address begins with "socks5:"`},
		"none":  {err: `read secret "apps/none": there is none`},
	}
	for name, test := range tests {
		access, err := accessOf(t, r, objectWith(v1.OCIRepositorySpec{ProxySecretRef: ref(name)}))
		if test.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), test.err) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: error is %v", name, err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, access.Proxy); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestCertificatesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	r := meansIn(
		secretWith("empty", corev1.SecretTypeTLS, "other", "x"),
		secretWith("garbage", corev1.SecretTypeOpaque, "ca.crt", "x"),
		secretWith("half", corev1.SecretTypeOpaque, "tls.crt", "x"),
		secretWith("old", corev1.SecretTypeOpaque, "keyFile", "x"),
	)
	for name, want := range map[string]string{
		"empty":   `read secret "apps/empty": it has neither ca.crt nor tls.crt and tls.key, but other`,
		"garbage": `read secret "apps/garbage": the CA file holds no certificate in PEM form`,
		"half":    `read secret "apps/half": a client certificate without its key`,
		"old":     `read secret "apps/old": a client key without its certificate`,
		"none":    `read secret "apps/none": there is none`,
	} {
		_, err := accessOf(t, r, objectWith(v1.OCIRepositorySpec{CertSecretRef: ref(name)}))
		if err == nil || err.Error() != want {
			t.Errorf("%s: error is %v, want %s", name, err, want)
		}
	}
}
