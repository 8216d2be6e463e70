package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// createTrust is whose signatures the agent is to ask for.
type createTrust struct {
	provider string
	secret   string
	keys     []string
	issuer   string
	subject  string
	root     string
}

func (t *createTrust) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&t.provider, "verify-provider", "", "kind of the signatures to ask for: cosign or notation (default: cosign, where anything else is said of them)")
	flags.StringVar(&t.secret, "verify-secret", "", "Secret with what is trusted; with --verify-key, the one to make (default: NAME-verify)")
	flags.StringArrayVar(&t.keys, "verify-key", nil, "public key of which to make the Secret: "+keyHelp+"; may be repeated")
	flags.StringVar(&t.issuer, "verify-issuer", "", "who must vouch for an identity, as a regular expression")
	flags.StringVar(&t.subject, "verify-subject", "", "identity that is trusted, as a regular expression")
	flags.StringVar(&t.root, "verify-trusted-root-secret", "", "Secret with the trusted_root.json of a Sigstore of one's own")
}

func (t *createTrust) used() bool {
	return t.provider != "" || t.secret != "" || len(t.keys) > 0 || t.issuer != "" || t.subject != "" || t.root != ""
}

func (t *createTrust) validate() error {
	for _, key := range t.keys {
		if err := validateKey(key); err != nil {
			return err
		}
	}
	for flag, text := range map[string]string{"--verify-issuer": t.issuer, "--verify-subject": t.subject} {
		if _, err := regexp.Compile(text); err != nil {
			return usageError{fmt.Errorf("%s: %w", flag, err)}
		}
	}
	switch notation := t.provider == v1.VerifyNotation; {
	case t.provider != "" && t.provider != v1.VerifyCosign && !notation:
		return usageError{fmt.Errorf("--verify-provider %q is neither cosign nor notation", t.provider)}
	case notation && (t.secret == "" || len(t.keys) > 0 || t.issuer != "" || t.subject != "" || t.root != ""):
		return usageError{errors.New("notation goes by a Secret with trustpolicy.json and certificates, and nothing else: name it with --verify-secret")}
	case (t.issuer == "") != (t.subject == ""):
		return usageError{errors.New("an identity is somebody, and who vouches for it: give --verify-subject and --verify-issuer")}
	case t.used() && t.secret == "" && len(t.keys) == 0 && t.issuer == "":
		return usageError{errors.New("nobody is trusted: name --verify-key, --verify-secret, or --verify-subject and --verify-issuer")}
	}
	return nil
}

// complete fills in the spec, and gives the Secret with the keys; nil where none is to be made.
func (t *createTrust) complete(ctx context.Context, name string, spec *v1.OCIRepositorySpec) (*unstructured.Unstructured, error) {
	if !t.used() {
		return nil, nil
	}
	verify := &v1.Verification{Provider: v1.VerifyCosign}
	if t.provider != "" {
		verify.Provider = t.provider
	}
	if t.secret == "" && len(t.keys) > 0 {
		t.secret = name + "-verify"
	}
	if t.secret != "" {
		verify.SecretRef = &v1.LocalObjectReference{Name: t.secret}
	}
	if t.issuer != "" {
		verify.MatchOIDCIdentity = []v1.OIDCIdentityMatch{{Issuer: t.issuer, Subject: t.subject}}
	}
	if t.root != "" {
		verify.TrustedRootSecretRef = &v1.LocalObjectReference{Name: t.root}
	}
	spec.Verify = verify
	if len(t.keys) == 0 {
		return nil, nil
	}
	return t.keySecret(ctx)
}

// keySecret holds public keys alone, as text.
func (t *createTrust) keySecret(ctx context.Context) (*unstructured.Unstructured, error) {
	keys, data := map[string][]byte{}, map[string][]byte{}
	for i, ref := range t.keys {
		text, err := publicKey(ctx, ref)
		if err != nil {
			return nil, err
		}
		name := keyName(ref, i)
		if _, taken := data[name]; taken {
			name = keyName("", i)
		}
		keys[ref], data[name] = text, text
	}
	if _, err := signature.NewPolicy(signature.Trust{Keys: keys}); err != nil { // which a private key does not pass
		return nil, err
	}
	return newSecret(t.secret, "Opaque", data)
}

// keyName ends as the agent looks for it, and is what a Secret allows.
func keyName(ref string, i int) string {
	name := filepath.Base(ref)
	if ref == "" || strings.Contains(ref, "://") || !regexp.MustCompile(`^[-._a-zA-Z0-9]+$`).MatchString(name) {
		return fmt.Sprintf("key-%d.pub", i+1)
	}
	return strings.TrimSuffix(name, ".pub") + ".pub"
}
