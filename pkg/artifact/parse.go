package artifact

import (
	_ "crypto/sha256" // go-digest knows no algorithm by itself
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxManifest is the size in bytes above which no manifest or index is read.
const MaxManifest = 4 << 20

// ParseManifest reads an image manifest of OCI or Docker. A document that could be read as an index too is refused, and one
// without a mediaType field is taken for OCI's.
func ParseManifest(raw []byte) (*ocispec.Manifest, error) {
	var m struct {
		ocispec.Manifest
		Manifests json.RawMessage `json:"manifests"`
	}
	if err := decode(raw, &m); err != nil {
		return nil, fmt.Errorf("parse manifest: %w", err)
	}
	if m.Manifests != nil {
		return nil, errors.New("parse manifest: it is an index too")
	}
	if m.MediaType != "" && !IsManifest(m.MediaType) {
		return nil, fmt.Errorf("parse manifest: media type %q is not that of an image manifest", m.MediaType)
	}
	if err := check(m.SchemaVersion, []ocispec.Descriptor{m.Config}, m.Layers); err != nil {
		return nil, fmt.Errorf("parse manifest: %w", err)
	}
	return &m.Manifest, nil
}

// ParseIndex reads an index of OCI or a manifest list of Docker.
func ParseIndex(raw []byte) (*ocispec.Index, error) {
	x, err := DecodeIndex(raw)
	if err != nil {
		return nil, err
	}
	if err := check(x.SchemaVersion, x.Manifests); err != nil {
		return nil, fmt.Errorf("parse index: %w", err)
	}
	return x, nil
}

// DecodeIndex is [ParseIndex] for who adds to what others made: its members are not looked at, nor its schema version.
func DecodeIndex(raw []byte) (*ocispec.Index, error) {
	var x struct {
		ocispec.Index
		Config json.RawMessage `json:"config"`
		Layers json.RawMessage `json:"layers"`
	}
	if err := decode(raw, &x); err != nil {
		return nil, fmt.Errorf("parse index: %w", err)
	}
	if x.Config != nil || x.Layers != nil {
		return nil, errors.New("parse index: it is a manifest too")
	}
	if x.MediaType != "" && !IsIndex(x.MediaType) {
		return nil, fmt.Errorf("parse index: media type %q is not that of an index", x.MediaType)
	}
	return &x.Index, nil
}

func decode(raw []byte, v any) error {
	if err := checkSize(raw); err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

func check(schemaVersion int, lists ...[]ocispec.Descriptor) error {
	if schemaVersion != 2 {
		return fmt.Errorf("schema version %d is not 2", schemaVersion)
	}
	for _, descriptors := range lists {
		if err := checkDescriptors(descriptors); err != nil {
			return err
		}
	}
	return nil
}

func checkDescriptors(descriptors []ocispec.Descriptor) error {
	for _, d := range descriptors {
		if err := d.Digest.Validate(); err != nil {
			return fmt.Errorf("digest %q: %w", d.Digest, err)
		}
		if d.Digest.Algorithm() != digest.SHA256 {
			return fmt.Errorf("digest %q: only sha256 is supported", d.Digest)
		}
		if d.Size < 0 {
			return fmt.Errorf("size %d of %s is negative", d.Size, d.Digest)
		}
		if d.MediaType == "" {
			return errors.New("descriptor without a media type")
		}
	}
	return nil
}
