package controller

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
