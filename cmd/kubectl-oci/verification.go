package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// verification is whose signatures count: the flags that verify and pull share. Any one key or identity is enough.
type verification struct {
	keys     []string
	subjects []string // patterns, in the order of the command line
	issuers  []string // of the subjects at the same places; one alone is that of all
	root     string
	notation notation
}

func (v *verification) addFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&v.keys, "key", nil, "public key that is trusted: "+keyHelp+"; may be repeated")
	flags.Var(&patterns{list: &v.subjects, exact: true}, "certificate-identity",
		"identity that is trusted, as in its certificate; may be repeated, each with an issuer, or all with one")
	flags.Var(&patterns{list: &v.subjects}, "certificate-identity-regexp", "the same as a regular expression, which must match the whole")
	flags.Var(&patterns{list: &v.issuers, exact: true}, "certificate-oidc-issuer", "who must vouch for the identity; may be repeated")
	flags.Var(&patterns{list: &v.issuers}, "certificate-oidc-issuer-regexp", "the same as a regular expression, which must match the whole")
	flags.StringVar(&v.root, "trusted-root", "",
		"file with the trusted_root.json that identities are held against (default: that of sigstore's public instance, fetched)")
	v.notation.addFlags(flags)
}

// used tells whether any of the flags was given.
func (v *verification) used() bool {
	return len(v.keys)+len(v.subjects)+len(v.issuers) > 0 || v.root != "" || v.notation.used()
}

func (v *verification) validate() error {
	for _, ref := range v.keys {
		if err := validateKey(ref); err != nil {
			return err
		}
	}
	switch subjects, issuers := len(v.subjects), len(v.issuers); {
	case len(v.keys)+subjects+issuers == 0 && !v.notation.used():
		return usageError{errors.New("nobody is trusted: name a key with --key, somebody with --certificate-identity and --certificate-oidc-issuer, or a --trust-policy")}
	case subjects > 0 && issuers == 0:
		return usageError{errors.New("who vouches for the identity? Name its provider with --certificate-oidc-issuer")}
	case subjects == 0 && issuers > 0:
		return usageError{errors.New("whose signature? Anyone may get an identity: name one with --certificate-identity")}
	case subjects == 0 && v.root != "":
		return usageError{errors.New("--trusted-root is for identities, and none is named: keys need no root")}
	case issuers > 1 && subjects != issuers:
		return usageError{fmt.Errorf("%s and %s: give each identity its issuer, in the same order, or all of them one",
			count(subjects, "identity flag"), count(issuers, "issuer"))}
	}
	return v.notation.validate()
}

// policy reads the keys, the root and the trust policy.
func (v *verification) policy(ctx context.Context) (*signature.Policy, error) {
	trust := signature.Trust{Keys: map[string][]byte{}, Identities: v.identities()}
	for _, ref := range v.keys {
		text, err := publicKey(ctx, ref)
		if err != nil {
			return nil, err
		}
		trust.Keys[ref] = text
	}
	if v.root != "" {
		var err error
		if trust.Root, err = readBounded(v.root, maxSmallFile); err == nil {
			err = signature.CheckTrustedRoot(trust.Root)
		}
		if err != nil {
			return nil, fmt.Errorf("read trusted root %q: %w", v.root, err)
		}
	}
	var err error
	if trust.Notation, err = v.notation.read(); err != nil {
		return nil, err
	}
	return signature.NewPolicy(trust)
}

// orAbsent gives why the registry does not have what d describes, where that is why nothing is attached to it; err otherwise.
func orAbsent(ctx context.Context, repo *registry.Repository, d ocispec.Descriptor, err error) error {
	if e, ok := errors.AsType[*signature.Error](err); !ok || e.Kind != signature.KindMissing {
		return err
	}
	if _, _, absent := repo.Manifest(ctx, d); registry.IsNotFound(absent) {
		return absent
	}
	return err
}

// identities pairs subjects with issuers, once validate was content.
func (v *verification) identities() []signature.Identity {
	var all []signature.Identity
	for i, subject := range v.subjects {
		all = append(all, signature.Identity{Issuer: v.issuers[i%len(v.issuers)], Subject: subject, Anchored: true})
	}
	return all
}

// patterns is a flag that adds to a list which another flag adds to, too.
type patterns struct {
	list  *[]string
	exact bool
}

func (p *patterns) Set(text string) error {
	if text == "" {
		return errors.New("it is empty, which would mean anyone")
	}
	if p.exact {
		text = regexp.QuoteMeta(text)
	}
	if _, err := regexp.Compile(text); err != nil {
		return err
	}
	*p.list = append(*p.list, text)
	return nil
}

func (p *patterns) String() string { return strings.Join(*p.list, ", ") }

func (p *patterns) Type() string {
	if p.exact {
		return "stringArray"
	}
	return "regexp"
}
