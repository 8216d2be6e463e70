package main

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// verdict is what verify prints as JSON.
type verdict struct {
	Reference    string        `json:"reference"`
	Digest       digest.Digest `json:"digest,omitempty"` // empty: the tag was not resolved
	Verified     bool          `json:"verified"`
	Reason       string        `json:"reason,omitempty"`  // why not, for programs
	Message      string        `json:"message,omitempty"` // why not, for people
	Signature    *evidence     `json:"signature,omitempty"`
	Attestations []attested    `json:"attestations,omitempty"`
}

type evidence struct {
	Key         string            `json:"key,omitempty"`
	Issuer      string            `json:"issuer,omitempty"`
	Subject     string            `json:"subject,omitempty"`
	Form        signature.Form    `json:"form"`
	Digest      digest.Digest     `json:"evidence"`
	Time        *time.Time        `json:"time,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type attested struct {
	*evidence
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

func evidenceOf(by signature.Verified) *evidence {
	e := &evidence{by.Key, by.Issuer, by.Subject, by.Form, by.Evidence, nil, by.Annotations}
	if !by.Time.IsZero() {
		e.Time = &by.Time
	}
	return e
}

// write prints the verdict; err is why it is not favourable.
func (v *verdict) write(w io.Writer, err error) error {
	v.Verified = err == nil
	if err != nil {
		v.Message = err.Error()
	}
	switch e, ok := errors.AsType[*signature.Error](err); {
	case ok:
		v.Reason = e.Kind.String()
	case registry.IsNotFound(err):
		v.Reason = signature.KindMissing.String()
	case v.Digest == "" && err != nil:
		v.Reason = signature.KindUnreachable.String()
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
