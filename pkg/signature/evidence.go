package signature

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Form is how evidence is kept.
type Form string

// The forms.
const (
	FormBundle Form = "bundle" // a sigstore bundle in a manifest that refers to the digest
	FormTag    Form = "tag"    // a layer under the tag sha256-<hex>.sig or .att

	FormNotation Form = "notation" // a Notary Project signature in a manifest that refers to the digest; not made here
)

// Media types and annotations, as cosign writes them.
const (
	mediaTypeBundle   = "application/vnd.dev.sigstore.bundle.v0.3+json"
	mediaTypeSimple   = "application/vnd.dev.cosign.simplesigning.v1+json"
	mediaTypeEnvelope = "application/vnd.dsse.envelope.v1+json"
	mediaTypeInToto   = "application/vnd.in-toto+json"

	annotationPredicate = "dev.sigstore.bundle.predicateType"
	annotationContent   = "dev.sigstore.bundle.content"

	annotationSignature   = "dev.cosignproject.cosign/signature"
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationChain       = "dev.sigstore.cosign/chain"
	annotationLog         = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
	annotationPredicate2  = "predicateType" // of a layer under .att

	predicateSign = "https://sigstore.dev/cosign/sign/v1"

	suffixSignature   = ".sig"
	suffixAttestation = ".att"
)

// Bounds of what is looked at. They hold for one search. What says something else than what is looked for is no candidate: it takes of what
// is fetched only.
const (
	maxListed      = 1000     // manifests that refer to the digest
	maxCandidates  = 64       // manifests and layers that could have counted, and did not
	maxTagged      = 16       // of them, that are kept for what lies under the older tag
	maxFetched     = 256      // manifests and layers
	maxEvidence    = 64 << 20 // bytes of them
	maxSignature   = 1 << 20
	maxAttestation = 8 << 20
)

// candidate is a piece of evidence that was fetched: bytes, and what is written beside them.
type candidate struct {
	name        string // for messages
	mediaType   string
	raw         []byte
	annotations map[string]string
}

// form tells where such evidence is usual: cosign keeps its older layers in referrers, too, when asked to.
func (c candidate) form() Form {
	if isBundle(c.mediaType) {
		return FormBundle
	}
	return FormTag
}

func isBundle(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.dev.sigstore.bundle")
}

// search looks through what is attached to a digest until a visitor is content. It notes what it passed by.
type search struct {
	repo      *registry.Repository
	subject   digest.Digest
	predicate string // what the evidence is to say
	against   string // who asks for it, for messages; empty: that goes without saying
	visit     func(context.Context, candidate) (found bool)
	sigstore  bool    // what cosign makes is looked for
	notary    *notary // Notary Project signatures are looked for; nil: not

	before whereabouts // what counted at the last search is looked at first, if it is attached still
	at     whereabouts // what is being looked at

	fetched     int
	bytes       int64
	reserved    int    // candidates that are not to be spent yet
	beyond      string // why there are more than were looked at; empty: there are none
	foreign     int    // of what is attached, what says something else
	notarized   bool   // something says of itself that it is a Notary Project signature
	misses      []*Error
	unreachable error
}

// run goes through the newer form first. A part that cannot be had hides no other part.
func (s *search) run(ctx context.Context) (found bool) {
	suffix := suffixSignature
	if s.predicate != predicateSign {
		suffix = suffixAttestation
	}
	if !s.sigstore {
		return s.referrers(ctx)
	}
	s.reserved = maxTagged
	if s.referrers(ctx) {
		return true
	}
	s.reserved = 0
	return s.tagged(ctx, registry.FallbackTag(s.subject)+suffix)
}

func (s *search) referrers(ctx context.Context) (found bool) {
	list, cut, err := s.repo.Referrers(ctx, s.subject, maxListed)
	if err != nil {
		s.note("the list of what refers to it", err)
		return false
	}
	if cut {
		s.beyond = "more manifests refer to it than are listed"
	}
	known, promising, rest := s.sort(list)
	for _, d := range slices.Concat(known, promising, rest) {
		if !s.take(d) {
			return false
		}
		if s.manifest(ctx, d) {
			return true
		}
	}
	return false
}

// sort leaves out what says of itself that it is of no use, and begins with what counted before, then what says that it is of use. Nobody
// vouches for what it says. The newest, which are added at the end, are first.
func (s *search) sort(list []ocispec.Descriptor) (known, promising, rest []ocispec.Descriptor) {
	for _, d := range slices.Backward(list) {
		predicate := d.Annotations[annotationPredicate]
		s.notarized = s.notarized || d.ArtifactType == typeNotary
		switch {
		case d.Digest == s.before.manifest:
			known = append(known, d)
		case d.ArtifactType == typeNotary && s.notary != nil && s.notary.promises(d.Annotations):
			promising = append(promising, d)
		case d.ArtifactType == typeNotary && s.notary != nil:
			rest = append(rest, d)
		case predicate == s.predicate && s.sigstore:
			promising = append(promising, d)
		case predicate != "" || !s.mayBeEvidence(d.ArtifactType) || !artifact.IsManifest(d.MediaType):
			s.foreign++
		default:
			rest = append(rest, d)
		}
	}
	return known, promising, rest
}

// mayBeEvidence goes by an artifact type. Registries and older clients give the type of the config in its place.
func (s *search) mayBeEvidence(artifactType string) bool {
	switch artifactType {
	case "", ocispec.MediaTypeEmptyJSON, ocispec.MediaTypeImageConfig:
		return true
	}
	return s.sigstore && (isBundle(artifactType) || strings.HasPrefix(artifactType, "application/vnd.dev.cosign."))
}

// tagged looks at the layers under one of the older tags, the newest first.
func (s *search) tagged(ctx context.Context, tag string) (found bool) {
	d, err := s.repo.Resolve(ctx, tag)
	if registry.IsNotFound(err) {
		return false
	}
	if err != nil {
		s.note("the tag "+tag, err)
		return false
	}
	return s.take(d) && s.manifest(ctx, d)
}

// take tells whether one more may be fetched.
func (s *search) take(d ocispec.Descriptor) bool {
	if len(s.misses) >= maxCandidates-s.reserved || s.fetched == maxFetched || s.bytes+d.Size > maxEvidence {
		s.beyond = "there are more"
		return false
	}
	s.fetched++
	s.bytes += d.Size
	return true
}

// manifest looks at the layers of a manifest.
func (s *search) manifest(ctx context.Context, d ocispec.Descriptor) (found bool) {
	raw, _, err := s.repo.Manifest(ctx, d)
	if err != nil {
		s.note("manifest "+d.Digest.String(), err)
		return false
	}
	m, err := artifact.ParseManifest(raw)
	if err != nil {
		s.misses = append(s.misses, miss(KindMalformed, "manifest %s is none: %s", d.Digest, readable(err)))
		return false
	}
	if predicate := m.Annotations[annotationPredicate]; predicate != "" && predicate != s.predicate {
		s.foreign++
		return false
	}
	for _, layer := range s.newestFirst(m.Layers) {
		if !s.wanted(m, layer) {
			s.foreign++
			continue
		}
		if !s.take(layer) {
			return false
		}
		s.at = whereabouts{d.Digest, layer.Digest, layer.Annotations[annotationSignature]}
		if s.layer(ctx, layer) {
			return true
		}
	}
	return false
}

// newestFirst turns layers around, since they are added at the end, and begins with what counted before.
func (s *search) newestFirst(layers []ocispec.Descriptor) []ocispec.Descriptor {
	var known, all []ocispec.Descriptor
	for _, layer := range slices.Backward(layers) {
		if len(known) == 0 && layer.Digest == s.before.layer && layer.Annotations[annotationSignature] == s.before.signature {
			known = append(known, layer)
			continue
		}
		all = append(all, layer)
	}
	return append(known, all...)
}

// wanted tells whether a layer may say what is looked for.
func (s *search) wanted(m *ocispec.Manifest, layer ocispec.Descriptor) bool {
	predicate := layer.Annotations[annotationPredicate2]
	switch {
	case isEnvelope(layer.MediaType):
		return s.notary != nil && isNotary(m)
	case !s.sigstore:
		return false
	case isBundle(layer.MediaType):
		return true
	case s.predicate == predicateSign:
		return layer.MediaType == mediaTypeSimple
	}
	return layer.MediaType == mediaTypeEnvelope && (predicate == "" || predicate == s.predicate)
}

func (s *search) layer(ctx context.Context, layer ocispec.Descriptor) (found bool) {
	limit := int64(maxSignature)
	if s.predicate != predicateSign {
		limit = maxAttestation
	}
	if layer.Size > limit {
		s.beyond = "one has more than " + mebibytes(limit)
		return false
	}
	body, err := s.repo.Blob(ctx, layer)
	if err == nil {
		defer body.Close()
		var raw []byte
		if raw, err = io.ReadAll(body); err == nil {
			return s.visit(ctx, candidate{layer.Digest.String(), layer.MediaType, raw, layer.Annotations})
		}
	}
	s.note("layer "+layer.Digest.String(), err)
	return false
}

// note keeps why a part could not be had. What is listed and gone, or of no use however often it is fetched, is a miss; for all other
// trouble the artifact is not to blame.
func (s *search) note(what string, err error) {
	_, unusable := asUnusable(err)
	switch {
	case registry.IsNotFound(err):
		s.misses = append(s.misses, miss(KindMalformed, "%s is gone", what))
	case unusable:
		s.misses = append(s.misses, miss(KindMalformed, "%s is of no use: %s", what, readable(err)))
	case s.unreachable == nil:
		s.unreachable = err
	}
}
