package controller

import (
	"errors"
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// What this version cannot do must never be ignored, least of all a demand for signatures.
func TestUnsupportedFieldsAreRefused(t *testing.T) {
	t.Parallel()
	secret := &v1.LocalObjectReference{Name: "x"}
	tests := map[string]struct {
		spec      v1.OCIRepositorySpec
		condition string // empty: supported
		message   string
	}{
		"plain":             {v1.OCIRepositorySpec{URL: "oci://example.com/app"}, "", ""},
		"defaults":          {v1.OCIRepositorySpec{Provider: v1.ProviderGeneric, SecretRef: secret, Insecure: true}, "", ""},
		"proxy":             {v1.OCIRepositorySpec{ProxySecretRef: secret}, v1.ConditionFetchFailed, "spec.proxySecretRef"},
		"certificate":       {v1.OCIRepositorySpec{CertSecretRef: secret}, v1.ConditionFetchFailed, "spec.certSecretRef"},
		"service account":   {v1.OCIRepositorySpec{ServiceAccountName: "x"}, v1.ConditionFetchFailed, "spec.serviceAccountName"},
		"cloud":             {v1.OCIRepositorySpec{Provider: v1.ProviderAWS}, v1.ConditionFetchFailed, "spec.provider aws"},
		"signature":         {v1.OCIRepositorySpec{Verify: &v1.Verification{}}, v1.ConditionSourceVerified, "spec.verify"},
		"signature + proxy": {v1.OCIRepositorySpec{Verify: &v1.Verification{}, ProxySecretRef: secret}, v1.ConditionSourceVerified, "spec.verify"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := supported(test.spec)
			if test.condition == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failure, ok := errors.AsType[*source.Error](err)
			if !ok || failure.Condition != test.condition || !failure.Terminal {
				t.Fatalf("got %#v", err)
			}
			if want := "this version of the agent does not support " + test.message; failure.Error() != want {
				t.Errorf("got %q, want %q", failure, want)
			}
		})
	}
}
