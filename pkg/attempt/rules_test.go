package attempt

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// verifying is a policy in JSON whose only rule has a verify section.
func verifying(verify string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"policy.kubectl-oci.dev/v1alpha1","kind":"SourcePolicy","rules":[{"registries":["ghcr.io/**"],"verify":%s}]}`, verify)
}

// What cannot be verified with is refused when the file is read, and not when an artifact is.
func TestRulesThatAreNone(t *testing.T) {
	t.Parallel()
	key := fmt.Sprintf(`"keys":{"a":%q}`, newPublicKey(t))
	for verify, want := range map[string]string{
		`{"keys":{"a":"x"}}`: `rule 1: verify: read public key "a"`,
		`{"notation":{"trustPolicy":"{}","certificates":{"a":"x"}}}`:                      `rule 1: verify: `,
		`{"identities":[{"issuer":"(","subject":"x"}]}`:                                   "read issuer of identity",
		`{"identities":[{"issuer":"x","subject":"("}]}`:                                   "read subject of identity",
		`{"identities":[{"issuer":"x","subject":"x"}],"trustedRoot":"{}"}`:                "read trusted root",
		`{` + key + `,"attestations":[{"type":"provenance"}]}`:                            `rule 1: verify: attestation 1: type: "provenance" is neither a URI nor one of cyclonedx, link`,
		`{` + key + `,"attestations":[{"type":"vuln","where":"predicate."}]}`:             `rule 1: verify: attestation 1: where: parse expression 'predicate.'`,
		`{` + key + `,"attestations":[{"type":"vuln"},{"type":"vuln","keys":{"b":"x"}}]}`: `attestation 2: read public key "b"`,
	} {
		p, err := policy.Parse(verifying(verify))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewRules(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", verify, err, want)
		}
	}
}

// What the author asks for comes on top of what the administrator does, and takes the place of none of it.
func TestAuthorsOnlyAdd(t *testing.T) {
	t.Parallel()
	mine, theirs := newPublicKey(t), newPublicKey(t)
	rules := mustParse(t, string(verifying(fmt.Sprintf(`{"keys":{"a":%q},"attestations":[{"type":"vuln","where":"predicate.ok == true"}]}`, mine))))
	r := meansIn(secretWith("keys", corev1.SecretTypeOpaque, "a", "", "cosign.pub", theirs))
	r.Policy = func() *Rules { return rules }
	const rule = "rule 1 of the administrator's policy"
	for name, tc := range map[string]struct {
		spec v1.OCIRepositorySpec
		want []string
	}{
		"nothing":         {v1.OCIRepositorySpec{URL: "oci://ghcr.io/org/app"}, []string{rule, rule}},
		"own":             {v1.OCIRepositorySpec{URL: "oci://ghcr.io/org/app", Verify: &v1.Verification{SecretRef: ref("keys")}}, []string{rule, rule, "spec.verify"}},
		"other registry":  {v1.OCIRepositorySpec{URL: "oci://quay.io/org/app", Verify: &v1.Verification{SecretRef: ref("keys")}}, []string{"spec.verify"}},
		"another writing": {v1.OCIRepositorySpec{URL: "oci://GHCR.io:443/org/app"}, []string{rule, rule}},
	} {
		object := objectWith(tc.spec)
		object.Spec.URL = tc.spec.URL
		asked := r.Terms(t.Context(), object)
		all := asked.Requirements
		var got []string
		for _, one := range all {
			got = append(got, one.Name)
		}
		if asked.Unread != nil || fmt.Sprint(got) != fmt.Sprint(tc.want) || asked.Verifies() != (len(tc.want) > 0) {
			t.Errorf("%s: %v, %v, want %v", name, got, asked.Unread, tc.want)
			continue
		}
		if len(all) < 2 {
			continue
		}
		want, err := signature.NewPolicy(signature.Trust{Keys: map[string][]byte{"a": []byte(mine)}})
		if err != nil || all[0].By.Fingerprint() != want.Fingerprint() || all[1].By.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: others are trusted, %v", name, err)
		}
		if all[1].Type != "https://cosign.sigstore.dev/attestation/vuln/v1" || all[1].Where.String() != "predicate.ok == true" {
			t.Errorf("%s: %+v", name, all[1])
		}
	}
}
