package attempt

import (
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// What a Secret says is part of what "nothing changed" means.
func TestFingerprintChangesWithSecrets(t *testing.T) {
	t.Parallel()
	spec := v1.OCIRepositorySpec{SecretRef: ref("pull"), ProxySecretRef: ref("proxy")}
	proxy := secretWith("proxy", corev1.SecretTypeOpaque, "address", "http://proxy.test:3128")
	seen := map[string]string{}
	for name, secrets := range map[string][]any{
		"first":    {pullSecretFor("pull", "ghcr.io", "u", "1"), proxy},
		"password": {pullSecretFor("pull", "ghcr.io", "u", "2"), proxy},
		"proxy":    {pullSecretFor("pull", "ghcr.io", "u", "1"), secretWith("proxy", corev1.SecretTypeOpaque, "address", "http://proxy.test:3129")},
	} {
		access, err := accessOf(t, meansIn(secrets...), objectWith(spec))
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
		access, err := accessOf(t, new(Means), objectWith(v1.OCIRepositorySpec{Timeout: &v1.Duration{Duration: timeout}}))
		if err != nil || access.Timeout != want {
			t.Errorf("%s: got %s, %v, want %s", timeout, access.Timeout, err, want)
		}
	}
}

// A failure that its message does not explain says what the author can do.
func TestFailuresSayWhatHelps(t *testing.T) {
	t.Parallel()
	unknown := fmt.Errorf("GET host: %w", x509.UnknownAuthorityError{})
	tests := map[string]struct {
		way  Way
		err  error
		want string
	}{
		"unknown authority":    {Way{}, unknown, "(a Secret named by spec.certSecretRef can have the authority as ca.crt)"},
		"still unknown":        {Way{Access: registry.Access{TLS: registry.TLS{CA: []byte("ca")}}}, unknown, "(neither the system nor ca.crt of spec.certSecretRef knows it)"},
		"nothing of that name": {Way{}, &registry.StatusError{Code: http.StatusNotFound, Reason: "not found"}, "(HTTP 404) (is the name right, and was it pushed?"},
		"what explains itself": {Way{}, errors.New("reset by peer"), "reset by peer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.way.blame(newObject(), &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonPullFailed, Err: test.err})
			if !strings.Contains(got.Error(), test.want) || !errors.Is(got, test.err) {
				t.Errorf("got %q", got)
			}
			if hinted := strings.HasSuffix(got.Error(), ")"); hinted != (test.want != "reset by peer") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// No other Secret or ServiceAccount makes a registry one of the provider's.
func TestAnotherProvidersRegistryStalls(t *testing.T) {
	t.Parallel()
	_, err := accessOf(t, meansIn(), objectWith(v1.OCIRepositorySpec{URL: "oci://unsuitable.test/app", Provider: "aws"}))
	failure, ok := errors.AsType[*source.Error](err)
	if !ok || !failure.Terminal || failure.Reason != v1.ReasonAuthenticationFailed || strings.Count(err.Error(), "unsuitable.test") != 1 {
		t.Errorf("got %v", err)
	}
}

func TestRefusalNamesWhatWasTried(t *testing.T) {
	t.Parallel()
	r := meansIn(pullSecretFor("own", "ghcr.io", "alice", "s3cret"), pullSecretFor("elsewhere", "quay.io", "x", "s3cret"), accountWith("a", "elsewhere"), accountWith("bare"))
	denied := &source.Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonAuthenticationFailed, Err: errors.New("denied")}
	tests := map[string]v1.OCIRepositorySpec{
		"denied":                          {},
		`denied (from secret "apps/own")`: {SecretRef: ref("own"), ServiceAccountName: "a"},
		`denied (secret "apps/elsewhere" has none for ghcr.io/org/app)`: {SecretRef: ref("elsewhere")},
		`denied (service account "apps/bare" has no imagePullSecrets)`:  {ServiceAccountName: "bare"},
	}
	for want, spec := range tests {
		object := objectWith(spec)
		w, err := wayOf(t, r, object)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.blame(object, denied); got.Error() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	w := &Way{Rule: policy.Rule{Reach: policy.Reach{Public: true}}}
	got := w.blame(objectWith(v1.OCIRepositorySpec{}), fmt.Errorf("resolve: %w", &registry.ForbiddenError{Host: "here"}))
	if f, ok := errors.AsType[*source.Error](got); !ok || f.Reason != v1.ReasonPolicyViolation || !strings.HasSuffix(f.Error(), "without a policy file, public addresses are permitted; "+
		"the flag --policy names one, whose rules can permit others, as in addresses: [loopback]; ask whoever runs the agent") {
		t.Errorf("got %v", got)
	}
	if err := w.blame(newObject(), nil); err != nil {
		t.Error(err)
	}
}
