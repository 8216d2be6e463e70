package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

func TestIdentitiesOfFlags(t *testing.T) {
	t.Parallel()
	pair := func(subject, issuer string) signature.Identity {
		return signature.Identity{Issuer: issuer, Subject: subject, Anchored: true}
	}
	tests := []struct {
		name string
		args string
		want []signature.Identity
	}{
		{"a name is no pattern", "--certificate-identity a.b --certificate-oidc-issuer c.d", []signature.Identity{pair(`a\.b`, `c\.d`)}},
		{"a pattern is one", "--certificate-identity-regexp a.b --certificate-oidc-issuer-regexp c.d", []signature.Identity{pair(`a.b`, `c.d`)}},
		{"pairs in the order of the line, whatever the flag",
			"--certificate-identity-regexp a+ --certificate-identity b --certificate-oidc-issuer c --certificate-oidc-issuer-regexp d+",
			[]signature.Identity{pair("a+", "c"), pair("b", "d+")}},
		{"one issuer for all", "--certificate-identity a --certificate-identity b --certificate-oidc-issuer c",
			[]signature.Identity{pair("a", "c"), pair("b", "c")}},
		{"keys alone", "--key cosign.pub", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := parseVerification(tt.args)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, v.identities()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusedTrust(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                                       "nobody is trusted",
		"--trusted-root r.json":                  "nobody is trusted",
		"--trusted-root r.json --key cosign.pub": "--trusted-root is for identities, and none is named",
		"--certificate-identity a":               "who vouches",
		"--certificate-identity=":                "would mean anyone",
		"--certificate-oidc-issuer a --key cosign.pub":                                                                                       "whose signature?",
		"--certificate-identity a --certificate-oidc-issuer b --certificate-oidc-issuer c":                                                   "1 identity flag and 2 issuers",
		"--certificate-identity-regexp ( --certificate-oidc-issuer b":                                                                        "missing closing )",
		"--certificate-identity-regexp a)|(b --certificate-oidc-issuer b":                                                                    "unexpected )",
		"--certificate-identity a --certificate-identity b --certificate-identity c --certificate-oidc-issuer d --certificate-oidc-issuer e": "3 identity flags and 2 issuers",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			if _, err := parseVerification(args); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func parseVerification(args string) (*verification, error) {
	v := &verification{}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	v.addFlags(flags)
	if err := flags.Parse(strings.Fields(args)); err != nil {
		return nil, err
	}
	return v, v.validate()
}
