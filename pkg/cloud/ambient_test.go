package cloud

import (
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/pkg/ambient"
)

// Who one is at a cloud gets the same credential of the plugin's own logins, which link far less, as the agent gets for itself.
func TestAmbientLogins(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ provider, repository string }{
		"aws":         {"aws", ecr},
		"aws, public": {"aws", "public.ecr.aws/org/app"},
		"azure":       {"azure", acr},
		"gcp":         {"gcp", gar},
		"gcp, gcr.io": {"gcp", "eu.gcr.io/project/app"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := mustParse(t, test.repository)
			want, err := (&Identities{}).Credential(contextOf(t), test.provider, ref, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := (&ambient.Logins{}).Credential(contextOf(t), test.provider, ref)
			if err != nil {
				t.Fatal(err)
			}
			if got.Username != want.Username || readable(got.Password) != readable(want.Password) {
				t.Errorf("got user %q, password %q, want %q, %q", got.Username, got.Password, want.Username, want.Password)
			}
		})
	}
}

func TestWhatAmbientLoginsRefuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ provider, repository, want string }{
		"aws, similar host": {"aws", "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.test/org/app", "is no registry of provider aws"},
		"azure, port":       {"azure", "ours.azurecr.io:444/org/app", "is no registry of provider azure, as <name>.azurecr.io is"},
		"gcp, similar host": {"gcp", "gcr.io.evil.test/org/app", "is no registry of provider gcp"},
		"unknown provider":  {"ibm", ecr, "is no registry of provider ibm"},
		"incomplete answer": {"azure", "incomplete.azurecr.io/org/app", "answer is not complete"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (&ambient.Logins{}).Credential(contextOf(t), test.provider, mustParse(t, test.repository))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %v, want %q in it", err, test.want)
			}
		})
	}
}
