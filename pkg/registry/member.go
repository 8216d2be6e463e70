package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Bounds of an index of referrers, whose members are read one by one.
const (
	maxMembers      = 20_000 // that are looked at; 4 MiB do not hold as many that are any
	maxMemberValues = 1_000  // of one, its annotations with it
)

// eachMember visits the members of an index of referrers, until visit wants no more; more says that there are others. Members that nobody
// could fetch are left out: one of them is no reason to see none. Where the text is no index, what comes before the error was visited.
func eachMember(raw []byte, visit func(ocispec.Descriptor) bool) (more bool, err error) {
	more, err = visitIndex(json.NewDecoder(bytes.NewReader(raw)), visit)
	if err != nil {
		return false, fmt.Errorf("parse index of referrers: %w", err)
	}
	return more, nil
}

func visitIndex(text *json.Decoder, visit func(ocispec.Descriptor) bool) (more bool, err error) {
	if err := expect(text, '{'); err != nil {
		return false, err
	}
	for text.More() {
		key, err := text.Token()
		if err != nil {
			return false, err
		}
		if key == "manifests" {
			more, err = visitMembers(text, visit)
		} else {
			err = text.Decode(new(json.RawMessage))
		}
		if more || err != nil {
			return more, err
		}
	}
	return false, expect(text, '}')
}

func visitMembers(text *json.Decoder, visit func(ocispec.Descriptor) bool) (more bool, err error) {
	switch token, err := text.Token(); {
	case err != nil || token == nil: // null is none
		return false, err
	case token != json.Delim('['):
		return false, errors.New("its manifests are no list")
	}
	var member json.RawMessage
	for seen := 0; text.More(); seen++ {
		if err := text.Decode(&member); err != nil {
			return false, err
		}
		if seen == maxMembers {
			return true, nil
		}
		if d, ok := parseMember(member); ok && !visit(d) {
			return true, nil
		}
	}
	return false, expect(text, ']')
}

func parseMember(raw []byte) (d ocispec.Descriptor, ok bool) {
	if artifact.Values(raw) > maxMemberValues || json.Unmarshal(raw, &d) != nil {
		return d, false
	}
	return d, d.Digest.Validate() == nil && d.Digest.Algorithm() == digest.SHA256 && d.Size >= 0
}

func expect(text *json.Decoder, delimiter json.Delim) error {
	token, err := text.Token()
	if err == nil && token != delimiter {
		err = fmt.Errorf("no %q where one should be", delimiter.String())
	}
	return err
}
