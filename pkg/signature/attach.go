package signature

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// statementPayload is an in-toto statement about one digest.
func statementPayload(d digest.Digest, predicateType string, predicate json.RawMessage, annotations map[string]string) ([]byte, error) {
	type subject struct {
		Digest      map[string]string `json:"digest"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	return json.Marshal(struct {
		Type          string          `json:"_type"`
		Subject       []subject       `json:"subject"`
		PredicateType string          `json:"predicateType"`
		Predicate     json.RawMessage `json:"predicate"`
	}{
		"https://in-toto.io/Statement/v1",
		[]subject{{map[string]string{d.Algorithm().String(): d.Encoded()}, annotations}},
		predicateType, predicate,
	})
}

// simplePayload is what an older signature is over.
func simplePayload(repository string, d digest.Digest, annotations map[string]string) ([]byte, error) {
	var s simple
	s.Critical.Identity.Reference, s.Critical.Image.Digest, s.Critical.Type = repository, d, typeSimple
	for name, value := range annotations {
		if s.Optional == nil {
			s.Optional = map[string]any{}
		}
		s.Optional[name] = value
	}
	return json.Marshal(s)
}

// attachBundle pushes a bundle in a manifest that refers to subject.
func attachBundle(
	ctx context.Context, repo *registry.Repository, subject ocispec.Descriptor, predicateType string, b *protobundle.Bundle,
) (digest.Digest, error) {
	raw, err := protojson.Marshal(b)
	if err != nil {
		return "", err
	}
	layer := descriptor(mediaTypeBundle, raw)
	config := descriptor(ocispec.MediaTypeEmptyJSON, []byte("{}"))
	d, manifest, err := marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: mediaTypeBundle,
		Config: config, Layers: []ocispec.Descriptor{layer},
		Subject: &ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		Annotations: map[string]string{
			ocispec.AnnotationCreated: time.Now().UTC().Format(time.RFC3339),
			annotationContent:         "dsse-envelope",
			annotationPredicate:       predicateType,
		},
	})
	if err != nil {
		return "", err
	}
	err = errors.Join(pushBlob(ctx, repo, config, []byte("{}")), pushBlob(ctx, repo, layer, raw))
	if err != nil {
		return "", err
	}
	return d.Digest, repo.PushReferrer(ctx, d, manifest)
}

// attachLayer adds a layer to the manifest under one of the older tags.
func attachLayer(ctx context.Context, repo *registry.Repository, tag string, layer ocispec.Descriptor, raw []byte) (digest.Digest, error) {
	if err := pushBlob(ctx, repo, layer, raw); err != nil {
		return "", err
	}
	var now digest.Digest
	err := repo.Amend(ctx, tag, func(old []byte) (ocispec.Descriptor, []byte, error) {
		now = digest.FromBytes(old)
		m, err := withLayer(old, layer)
		if err != nil || m == nil {
			return ocispec.Descriptor{}, nil, err
		}
		config, err := artifact.LayersConfig(m.Layers)
		if err != nil {
			return ocispec.Descriptor{}, nil, err
		}
		m.Config = descriptor(ocispec.MediaTypeImageConfig, config)
		if err := pushBlob(ctx, repo, m.Config, config); err != nil {
			return ocispec.Descriptor{}, nil, err
		}
		return marshal(*m)
	})
	return now, err
}

// withLayer gives the manifest with one layer more; nil when it has it.
func withLayer(old []byte, layer ocispec.Descriptor) (*ocispec.Manifest, error) {
	m := &ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	if old != nil {
		var err error
		if m, err = artifact.ParseManifest(old); err != nil {
			return nil, err
		}
	}
	has := slices.ContainsFunc(m.Layers, func(d ocispec.Descriptor) bool {
		return d.Digest == layer.Digest && d.Annotations[annotationSignature] == layer.Annotations[annotationSignature]
	})
	if has {
		return nil, nil //nolint:nilnil // nothing is left to do
	}
	m.Layers = append(m.Layers, layer)
	return m, nil
}

// olderAnnotations keep the parts of a bundle beside a layer.
func olderAnnotations(b *protobundle.Bundle) (map[string]string, error) {
	annotations := map[string]string{annotationSignature: base64.StdEncoding.EncodeToString(b.GetMessageSignature().GetSignature())}
	material := b.GetVerificationMaterial()
	if der := material.GetCertificate().GetRawBytes(); der != nil {
		annotations[annotationCertificate] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		annotations[annotationChain] = ""
	}
	if entries := material.GetTlogEntries(); len(entries) > 0 {
		text, err := json.Marshal(logEntry{entries[0].GetInclusionPromise().GetSignedEntryTimestamp(), logPayload{
			Body:           entries[0].GetCanonicalizedBody(),
			IntegratedTime: entries[0].GetIntegratedTime(),
			LogIndex:       entries[0].GetLogIndex(),
			LogID:          hex.EncodeToString(entries[0].GetLogId().GetKeyId()),
		}})
		if err != nil {
			return nil, err
		}
		annotations[annotationLog] = string(text)
	}
	if stamps := material.GetTimestampVerificationData().GetRfc3161Timestamps(); len(stamps) > 0 {
		text, err := json.Marshal(timestamp{stamps[0].GetSignedTimestamp()})
		if err != nil {
			return nil, err
		}
		annotations[annotationTimestamp] = string(text)
	}
	return annotations, nil
}

func descriptor(mediaType string, raw []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
}

func marshal(m ocispec.Manifest) (ocispec.Descriptor, []byte, error) {
	raw, err := json.Marshal(m)
	return descriptor(cmp.Or(m.MediaType, ocispec.MediaTypeImageManifest), raw), raw, err
}

func pushBlob(ctx context.Context, repo *registry.Repository, d ocispec.Descriptor, raw []byte) error {
	return repo.PushBlob(ctx, d, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
}
