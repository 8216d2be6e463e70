package controller

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// namespace is what there is in the object's namespace, by name.
type namespace struct {
	client.Reader
	secrets  map[string]*corev1.Secret
	accounts map[string]*corev1.ServiceAccount
}

func (n namespace) Get(_ context.Context, name client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if name.Namespace != key.Namespace {
		return fmt.Errorf("namespace %q is not the object's", name.Namespace)
	}
	switch into := into.(type) {
	case *corev1.Secret:
		if found, ok := n.secrets[name.Name]; ok {
			found.DeepCopyInto(into)
			return nil
		}
	case *corev1.ServiceAccount:
		if found, ok := n.accounts[name.Name]; ok {
			found.DeepCopyInto(into)
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{}, name.Name)
}

func secretWith(name string, kind corev1.SecretType, data ...string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name}, Type: kind, Data: map[string][]byte{}}
	for i := 0; i < len(data); i += 2 {
		secret.Data[data[i]] = []byte(data[i+1])
	}
	return secret
}

func pullSecretFor(name, host, user, password string) *corev1.Secret {
	return secretWith(name, corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey,
		fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, host, user, password))
}

func accountWith(name string, pullSecrets ...string) *corev1.ServiceAccount {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name}}
	for _, secret := range pullSecrets {
		account.ImagePullSecrets = append(account.ImagePullSecrets, corev1.LocalObjectReference{Name: secret})
	}
	return account
}

// cloud gives everybody a credential that tells who asked.
type cloud struct{}

func (cloud) Credential(_ context.Context, provider string, ref registry.Reference, account *corev1.ServiceAccount) (registry.Credential, error) {
	if ref.Registry == "unsuitable.test" {
		return registry.Credential{}, errors.New("no registry of this provider")
	}
	return registry.Credential{Username: provider, Password: identityOf(account)}, nil
}

func reconcilerIn(objects ...client.Object) *Reconciler {
	n := namespace{secrets: map[string]*corev1.Secret{}, accounts: map[string]*corev1.ServiceAccount{}}
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Secret:
			n.secrets[o.Name] = o
		case *corev1.ServiceAccount:
			n.accounts[o.Name] = o
		}
	}
	return &Reconciler{Live: n, Identities: cloud{}}
}

func objectWith(spec v1.OCIRepositorySpec) *v1.OCIRepository {
	object := newObject(1)
	object.Spec = spec
	if spec.URL == "" {
		object.Spec.URL = "oci://ghcr.io/org/app"
	}
	object.Spec.Interval.Duration = time.Hour
	return object
}

func ref(name string) *v1.LocalObjectReference { return &v1.LocalObjectReference{Name: name} }

// Which credentials are tried, and in which order.
func TestCredentials(t *testing.T) {
	t.Parallel()
	r := reconcilerIn(
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
	lacking := reconcilerIn()
	lacking.DefaultServiceAccount = "bare"
	alone := reconcilerIn()
	tests := map[string]struct {
		r    *Reconciler
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
		"cloud, secret for other hosts":   {alone, v1.OCIRepositorySpec{Provider: "azure", URL: "oci://unsuitable.test/org/app"}, `error: log in with provider azure as the agent: no registry of this provider`},
		"cloud, insecure":                 {alone, v1.OCIRepositorySpec{Provider: "aws", Insecure: true}, "error: log in with provider aws: " + errNotTheAgents.Error()},
		"cloud, insecure with an account": {r, v1.OCIRepositorySpec{Provider: "aws", Insecure: true, ServiceAccountName: "bare"}, `user aws of provider aws for service account "bare"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := test.r.way(t.Context(), objectWith(test.spec))
			var tried []string
			for i, c := range w.Credentials {
				tried = append(tried, fmt.Sprintf("%s of %s", c, w.from[i]))
			}
			got := strings.Join(tried, ", ")
			if err != nil {
				got = "error: " + err.Error()
				if f, ok := errors.AsType[*source.Error](err); !ok || f.Reason != v1.ReasonAuthenticationFailed || f.Terminal {
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
	r := reconcilerIn(
		pullSecretFor("own", "ghcr.io", "own", "p"),
		accountWith("many", names...),
		secretWith("long", corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths":{`+strings.Join(entries, ",")+`}}`),
	)
	for want, spec := range map[string]v1.OCIRepositorySpec{
		"read pull secrets: there are 33, more than 32":                             {ServiceAccountName: "many"},
		"read pull secrets: they have 33 entries for ghcr.io/org/app, more than 32": {SecretRef: ref("long")},
	} {
		if _, err := r.access(t.Context(), objectWith(spec)); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	r := reconcilerIn(
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
		access, err := r.access(t.Context(), objectWith(v1.OCIRepositorySpec{ProxySecretRef: ref(name)}))
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
	r := reconcilerIn(
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
		_, err := r.access(t.Context(), objectWith(v1.OCIRepositorySpec{CertSecretRef: ref(name)}))
		if err == nil || err.Error() != want {
			t.Errorf("%s: error is %v, want %s", name, err, want)
		}
	}
}

// What a Secret says is part of what "nothing changed" means.
func TestFingerprintChangesWithSecrets(t *testing.T) {
	t.Parallel()
	spec := v1.OCIRepositorySpec{SecretRef: ref("pull"), ProxySecretRef: ref("proxy")}
	proxy := secretWith("proxy", corev1.SecretTypeOpaque, "address", "http://proxy.test:3128")
	seen := map[string]string{}
	for name, secrets := range map[string][]client.Object{
		"first":    {pullSecretFor("pull", "ghcr.io", "u", "1"), proxy},
		"password": {pullSecretFor("pull", "ghcr.io", "u", "2"), proxy},
		"proxy":    {pullSecretFor("pull", "ghcr.io", "u", "1"), secretWith("proxy", corev1.SecretTypeOpaque, "address", "http://proxy.test:3129")},
	} {
		access, err := reconcilerIn(secrets...).access(t.Context(), objectWith(spec))
		if err != nil {
			t.Fatal(err)
		}
		print := fmt.Sprint(access.Fingerprint())
		if other, ok := seen[print]; ok {
			t.Errorf("%s is the same as %s", name, other)
		}
		seen[print] = name
	}
}

func TestTimeoutIsBounded(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]time.Duration{time.Second: time.Second, math.MaxInt64: maxTimeout} {
		access, err := new(Reconciler).access(t.Context(), objectWith(v1.OCIRepositorySpec{Timeout: &v1.Duration{Duration: timeout}}))
		if err != nil || access.Timeout != want {
			t.Errorf("%s: got %s, %v, want %s", timeout, access.Timeout, err, want)
		}
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(`apiVersion: policy.kubectl-oci.dev/v1alpha1
kind: SourcePolicy
rules:
  - namespaces: [apps]
    registries: [ghcr.io/**]
    addresses: [public]
`))
	if err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Policy: func() *policy.Policy { return p }}
	for url, want := range map[string]string{
		"oci://ghcr.io/org/app": "",
		"oci://quay.io/org/app": `the administrator's policy: no rule permits "quay.io/org/app" to namespace "apps"; ask whoever runs the agent`,
	} {
		checkViolation(t, r, v1.OCIRepositorySpec{URL: url}, want)
	}
	checkViolation(t, r, v1.OCIRepositorySpec{Insecure: true}, "spec.insecure is set: rule 1 of the administrator's policy does not permit it; ask whoever runs the agent")
	access, err := r.access(t.Context(), objectWith(v1.OCIRepositorySpec{}))
	if want := (registry.Reach{Public: true}); err != nil || access.Reach != want {
		t.Errorf("reach is %+v, %v", access.Reach, err)
	}
}

func checkViolation(t *testing.T, r *Reconciler, spec v1.OCIRepositorySpec, want string) {
	t.Helper()
	object := objectWith(spec)
	_, err := r.access(t.Context(), object)
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	f, ok := errors.AsType[*source.Error](err)
	if !ok || f.Error() != want || f.Reason != v1.ReasonPolicyViolation || !f.Terminal {
		t.Fatalf("got %+v, want %s", err, want)
	}
	if wait := next(object, f, Pace{}, 0); wait < time.Hour-time.Minute || wait > time.Hour {
		t.Errorf("looked at again after %s, not at the interval", wait)
	}
}

// Without a file too there is a limit: the agent's own Pod, and the metadata services of clouds.
func TestReachWithoutAPolicy(t *testing.T) {
	t.Parallel()
	access, err := new(Reconciler).access(t.Context(), objectWith(v1.OCIRepositorySpec{Insecure: true}))
	if want := (registry.Reach{Public: true, Private: true}); err != nil || access.Reach != want {
		t.Errorf("reach is %+v, %v", access.Reach, err)
	}
}

func TestRefusalNamesWhatWasTried(t *testing.T) {
	t.Parallel()
	r := reconcilerIn(pullSecretFor("own", "ghcr.io", "alice", "s3cret"), pullSecretFor("elsewhere", "quay.io", "x", "s3cret"), accountWith("a", "elsewhere"))
	denied := &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonAuthenticationFailed, Err: errors.New("denied")}
	tests := map[string]v1.OCIRepositorySpec{
		"denied":                          {},
		`denied (from secret "apps/own")`: {SecretRef: ref("own"), ServiceAccountName: "a"},
		`denied (secret "apps/elsewhere" has none for ghcr.io/org/app)`: {SecretRef: ref("elsewhere")},
	}
	for want, spec := range tests {
		object := objectWith(spec)
		w, err := r.way(t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.blame(object, denied); got.Error() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	w := &way{rule: policy.Rule{Reach: policy.Reach{Public: true}}}
	got := w.blame(objectWith(v1.OCIRepositorySpec{}), fmt.Errorf("resolve: %w", &registry.ForbiddenError{Host: "here"}))
	if f, ok := errors.AsType[*source.Error](got); !ok || f.Reason != v1.ReasonPolicyViolation || !strings.HasSuffix(f.Error(), "without a policy file, public addresses are permitted; ask whoever runs the agent") {
		t.Errorf("got %v", got)
	}
	if err := w.blame(newObject(1), nil); err != nil {
		t.Error(err)
	}
}
