package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// subject is what evidence speaks of, and what its author says of that.
type subject struct {
	digest      digest.Digest
	annotations map[string]string
}

// typesOfStatements are the versions of in-toto's statement that cosign has written.
func typesOfStatements() []string {
	return []string{"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"}
}

// Bounds of a statement. Whoever has any certificate makes sigstore-go decode the whole of it.
const (
	maxSubjects      = 1024
	maxSubjectValues = 16 * maxSubjects // JSON values
	maxFields        = 64               // fields, where in-toto has four
	maxValues        = 300_000          // JSON values
)

// read takes what an in-toto statement is about, and of which type it is.
func (e *entity) read(payload []byte) error {
	if err := e.readStatement(payload); err != nil {
		return fmt.Errorf("parse statement: %w", err)
	}
	return nil
}

func (e *entity) readStatement(payload []byte) error {
	if artifact.Values(payload) > maxValues {
		return fmt.Errorf("more than %d values", maxValues)
	}
	stated, err := fields(payload)
	if err != nil {
		return err
	}
	if artifact.Values(stated["subject"]) > maxSubjectValues {
		return fmt.Errorf("subject: more than %d values", maxSubjectValues)
	}
	var kind string
	if err := json.Unmarshal(stated["_type"], &kind); err != nil || !slices.Contains(typesOfStatements(), kind) {
		return fmt.Errorf("_type is %s", quote(kind))
	}
	if err := json.Unmarshal(stated["predicateType"], &e.predicate); err != nil {
		return fmt.Errorf("predicateType: %w", err)
	}
	var about []struct {
		Digest      map[string]string `json:"digest"`
		Annotations map[string]any    `json:"annotations"`
	}
	if err := json.Unmarshal(stated["subject"], &about); err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	if len(about) > maxSubjects {
		return fmt.Errorf("more than %d subjects", maxSubjects)
	}
	for _, one := range about {
		d := digest.NewDigestFromEncoded(digest.SHA256, one.Digest["sha256"])
		if d.Validate() == nil {
			e.subjects = append(e.subjects, subject{d, texts(one.Annotations)})
		}
	}
	return nil
}

// fields are those of a JSON object. Two of one name, whatever its case, would say one thing here and another elsewhere.
func fields(raw []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	all, names := map[string]json.RawMessage{}, map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder takes nothing else for one
		if names[strings.ToLower(name)] {
			return nil, fmt.Errorf("it has two fields %s", quote(name))
		}
		if names[strings.ToLower(name)] = true; len(names) > maxFields {
			return nil, fmt.Errorf("it has more than %d fields", maxFields)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		all[name] = value
	}
	_, err := decoder.Token()
	return all, err
}

// texts are the values that are strings.
func texts(values map[string]any) map[string]string {
	all := map[string]string{}
	for name, value := range values {
		if text, ok := value.(string); ok {
			all[name] = text
		}
	}
	return all
}

// statedPayload is the statement in a verified envelope.
func (e *entity) statedPayload() ([]byte, error) {
	content, err := e.SignatureContent()
	if err != nil {
		return nil, err
	}
	return content.EnvelopeContent().RawEnvelope().DecodeB64Payload()
}

// statedPredicate is the predicate of a verified envelope, byte for byte.
func (e *entity) statedPredicate() (json.RawMessage, error) {
	payload, err := e.statedPayload()
	if err != nil {
		return nil, err
	}
	stated, err := fields(payload)
	return stated["predicate"], err
}
