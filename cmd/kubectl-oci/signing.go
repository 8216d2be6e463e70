package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// signing is as whom to sign, and how that is kept: the flags that sign, attest and push share.
type signing struct {
	password
	identity
	key         string
	form        string
	fulcio      string
	log         string
	timestamp   string
	annotations []string
}

func (s *signing) addFlags(flags *pflag.FlagSet) {
	s.password.addFlags(flags)
	flags.StringVar(&s.key, "key", "", "private key to sign with: "+keyHelp)
	s.identity.addFlags(flags)
	flags.StringVar(&s.form, "form", string(signature.FormBundle),
		"how signatures are kept: bundle, which refers to the artifact, or tag, for older versions of cosign")
	flags.StringVar(&s.fulcio, "fulcio-url", "", "certificate authority for identities (default: sigstore's public one)")
	flags.StringVar(&s.log, "rekor-url", "", "transparency log (default: sigstore's public one for identities of its public authority, none otherwise)")
	flags.StringVar(&s.timestamp, "timestamp-server-url", "", "timestamp authority (default: none)")
}

// used tells whether any of the flags was given that say how to sign.
func (s *signing) used() bool {
	texts := []string{s.key, s.fulcio, s.log, s.timestamp}
	return s.stdin || s.identity.used() || len(s.annotations) > 0 || slices.ContainsFunc(texts, func(text string) bool { return text != "" })
}

func (s *signing) validate() error {
	for flag, address := range map[string]string{"--rekor-url": s.log, "--timestamp-server-url": s.timestamp} {
		if err := validateAddress(flag, address); err != nil {
			return err
		}
	}
	if err := validateConfidant("--fulcio-url", s.fulcio); err != nil {
		return err
	}
	switch {
	case s.form != string(signature.FormBundle) && s.form != string(signature.FormTag):
		return usageError{fmt.Errorf("--form %q is neither bundle nor tag", s.form)}
	case s.key != "" && s.token != "":
		return usageError{errors.New("--key and --identity-token exclude each other")}
	case s.key != "" && s.fulcio != "":
		return usageError{errors.New("--key and --fulcio-url exclude each other: an authority certifies identities, not keys")}
	case s.key == "" && s.stdin:
		return usageError{errors.New("--password-stdin is for a key: name it with --key")}
	case s.key == "" && s.fulcio != "" && s.log == "" && s.timestamp == "":
		return usageError{errors.New("nothing would prove when the signature was made: name the --rekor-url or the --timestamp-server-url " +
			"that belongs to the --fulcio-url")}
	}
	if s.key != "" {
		if err := validateKey(s.key); err != nil {
			return err
		}
	}
	if err := s.identity.validate(); err != nil {
		return err
	}
	_, err := keyValues(s.annotations)
	return err
}

// public tells whether an identity and what it signs become known to anyone, for ever: where the authority or the log is sigstore's.
func (s *signing) public() bool {
	return s.fulcio == "" || slices.ContainsFunc([]string{s.fulcio, s.log}, func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && strings.HasSuffix(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), "sigstore.dev")
	})
}

// sealer signs what it is given, always in the same way.
type sealer struct {
	*signature.Signer
	attach signature.AttachOptions
	own    *signature.Policy // accepts the key's signatures; nil: it signs as an identity
}

// open finds key or token. Nobody is asked to certify anything yet.
func (s *signing) open(ctx context.Context, streams genericiooptions.IOStreams, report *reporter) (*sealer, error) {
	annotations, err := keyValues(s.annotations)
	if err != nil {
		return nil, err
	}
	made := &sealer{attach: signature.AttachOptions{Form: signature.Form(s.form), Annotations: annotations}}
	options := signature.SignerOptions{Fulcio: s.fulcio, Log: s.log, Timestamp: s.timestamp}
	if s.key == "" {
		if options.Token, err = s.identity.read(ctx, s.public(), streams, report); err != nil {
			return nil, err
		}
		made.Signer, err = signature.NewSigner(options)
		return made, err
	}
	if options.Key, err = privateKey(ctx, s.key, &s.password, streams); err != nil {
		return nil, err
	}
	public, err := signature.PublicKey(options.Key)
	if err != nil {
		return nil, err
	}
	if made.own, err = signature.NewPolicy(signature.Trust{Keys: map[string][]byte{s.key: public}}); err != nil {
		return nil, err
	}
	made.Signer, err = signature.NewSigner(options)
	return made, err
}

// put signs d, which the repository has.
func (s *sealer) put(ctx context.Context, repo *registry.Repository, d ocispec.Descriptor, report *reporter) error {
	if _, err := s.Sign(ctx, repo, d, s.attach); err != nil {
		return err
	}
	report.line("signed %s", d.Digest)
	return nil
}

// has tells whether the key has signed d in this way before: no is also what cannot be told, as with an identity. Nothing more is
// asked for by a nil sealer.
func (s *sealer) has(ctx context.Context, repo *registry.Repository, d digest.Digest) bool {
	if s == nil || s.own == nil {
		return s == nil
	}
	_, err := signature.NewVerifier(signature.Options{}).Find(ctx, repo, d, s.own, func(by signature.Verified) bool {
		return by.Form == s.attach.Form && (len(s.attach.Annotations) == 0 || maps.Equal(by.Annotations, s.attach.Annotations))
	})
	return err == nil
}

// ensure signs d unless that was done before. A nil sealer signs nothing.
func (s *sealer) ensure(ctx context.Context, repo *registry.Repository, d ocispec.Descriptor, report *reporter) error {
	if s == nil {
		return nil
	}
	if s.has(ctx, repo, d.Digest) {
		report.line("signed already")
		return nil
	}
	d, err := complete(ctx, repo, d)
	if err != nil {
		return err
	}
	return s.put(ctx, repo, d, report)
}

// describe gives the descriptor of what ref names, whole. A tag is resolved once: what it names later is not
// what is meant.
func describe(ctx context.Context, repo *registry.Repository, ref registry.Reference, report *reporter) (ocispec.Descriptor, error) {
	d, err := resolve(ctx, repo, ref, report)
	if err != nil {
		return d, err
	}
	return complete(ctx, repo, d)
}

// complete fetches what d describes, so that nothing is signed which the repository does not have.
func complete(ctx context.Context, repo *registry.Repository, d ocispec.Descriptor) (ocispec.Descriptor, error) {
	raw, mediaType, err := repo.Manifest(ctx, d)
	return ocispec.Descriptor{MediaType: mediaType, Digest: d.Digest, Size: int64(len(raw))}, err
}

// resolve says what a tag names.
func resolve(ctx context.Context, repo *registry.Repository, ref registry.Reference, report *reporter) (ocispec.Descriptor, error) {
	if ref.Digest != "" {
		return ocispec.Descriptor{Digest: ref.Digest}, nil
	}
	d, err := repo.Resolve(ctx, ref.Tag)
	if err == nil {
		report.line("%s is %s", ref, d.Digest)
	}
	return d, err
}

// parseExisting reads a reference to something that exists.
func parseExisting(verb, text string) (registry.Reference, error) {
	ref, err := registry.Parse(text)
	if err != nil {
		return ref, usageError{err}
	}
	if ref.Tag == "" && ref.Digest == "" {
		return ref, usageError{fmt.Errorf("%s %q: no tag or digest: add one, as in %s:latest", verb, text, ref)}
	}
	return ref, nil
}
