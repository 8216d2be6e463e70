package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// notation is whom to trust, as the notation CLI keeps it: files in place of its trust policy and its trust stores.
type notation struct {
	policy       string
	certificates []string
	lists        []string
}

func (n *notation) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&n.policy, "trust-policy", "", "file with a trustpolicy.json: who may sign with notation; needs --certificate")
	flags.StringArrayVar(&n.certificates, "certificate", nil,
		"file with a certificate, PEM or DER, that is in every trust store of --trust-policy; may be repeated")
	flags.StringArrayVar(&n.lists, "revocation-list", nil,
		"file with a list of revoked certificates (CRL), for --trust-policy; may be repeated. Addresses in certificates are not asked")
}

func (n *notation) used() bool { return n.policy != "" || len(n.certificates)+len(n.lists) > 0 }

func (n *notation) validate() error {
	switch {
	case n.policy == "" && n.used():
		return usageError{errors.New("who may sign with these certificates? Name a trustpolicy.json with --trust-policy")}
	case n.policy != "" && len(n.certificates) == 0:
		return usageError{errors.New("who vouches for those whom the trust policy names? Name their authority's certificate with --certificate")}
	}
	return nil
}

// read gives what the files hold; nil: none was named.
func (n *notation) read() (*signature.Notation, error) {
	if !n.used() {
		return nil, nil //nolint:nilnil // nobody
	}
	var made signature.Notation
	var err error
	if made.Policy, err = readBounded(n.policy, maxSmallFile); err != nil {
		return nil, fmt.Errorf("read trust policy %q: %w", n.policy, err)
	}
	if made.Certificates, err = readAll("certificate", n.certificates); err != nil {
		return nil, err
	}
	made.RevocationLists, err = readAll("revocation list", n.lists)
	return &made, err
}

// readAll reads small files, by name.
func readAll(what string, files []string) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, file := range files {
		text, err := readBounded(file, maxSmallFile)
		if err != nil {
			return nil, fmt.Errorf("read %s %q: %w", what, file, err)
		}
		all[file] = text
	}
	return all, nil
}

// onlyNotation tells whether nobody but a trust policy says whom to trust.
func onlyNotation(command *cobra.Command) bool {
	flags := command.Flags()
	return flags.Changed("trust-policy") && !flags.Changed("key") && !flags.Changed("certificate-identity") &&
		!flags.Changed("certificate-identity-regexp")
}

// notationHint says what may be the matter with an artifact that no trust policy vouches for.
func notationHint(kind signature.Kind) string {
	switch kind {
	case signature.KindMissing, signature.KindAttestationOnly:
		return "was it signed? A tag may have moved since, to a digest that is not; notation sign signs one, and --key is for what cosign signs"
	case signature.KindUntrusted:
		return "the message says who signed, or for whom: is the authority's certificate among --certificate, and the level of --trust-policy met?"
	case signature.KindWrongIdentity:
		return "the message says who signed: --trust-policy names whom to trust as trustedIdentities"
	case signature.KindTampered, signature.KindOtherDigest:
		return "somebody put a signature there that was not made for it: do not use the artifact before you know why"
	case signature.KindExpired:
		return "sign it anew; with a timestamp, and a store of type tsa in --trust-policy, it outlives the certificate"
	case signature.KindMalformed:
		return "it was damaged, or needs a plugin, and none is run: sign the artifact anew"
	case signature.KindTooMany:
		return "too much is attached to find it: sign it again, for the newest are looked at first, or sign a copy in another repository"
	}
	return ""
}
