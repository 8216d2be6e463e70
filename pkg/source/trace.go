package source

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// Trace is what a run decided on its way, and why. Whoever puts one into a [Request] reads it when the run has ended. A nil Trace takes
// note of nothing.
type Trace struct {
	By       string       `json:"by,omitempty"`   // the field of spec.ref that decides: digest, semver or tag; default: ref is empty
	Tags     []TraceTag   `json:"tags,omitempty"` // all, where a range of versions decides: the chosen one first, then the highest
	Revision string       `json:"revision,omitempty"`
	Checks   []TraceCheck `json:"checks,omitempty"` // of signatures, in the order in which they were looked for
	Layers   []TraceLayer `json:"layers,omitempty"`
	Stored   string       `json:"stored,omitempty"` // what became of the layer, for people

	accepted int // index of the credential that the registry took last, from 1
}

// TraceTag is a tag, and why it was not chosen.
type TraceTag struct {
	Tag string `json:"tag"`
	Why string `json:"why"`

	version *semver.Version
}

// TraceCheck is a search for a signature or an attestation that is required.
type TraceCheck struct {
	Subject  digest.Digest `json:"subject"`
	Name     string        `json:"requiredBy"`
	Type     string        `json:"type,omitempty"`  // predicate type of the attestation; empty: a signature
	Where    string        `json:"where,omitempty"` // what the attestation has to say
	Signers  []string      `json:"signers"`         // of whom any may have made it
	By       string        `json:"by,omitempty"`    // who did
	Evidence digest.Digest `json:"evidence,omitempty"`
	Form     string        `json:"form,omitempty"`
	Error    string        `json:"error,omitempty"`
	Unknown  bool          `json:"unknown,omitempty"` // it could not be found out
}

// TraceLayer is a layer of the manifest.
type TraceLayer struct {
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"` // bytes, compressed
	Chosen    bool          `json:"chosen"`
}

// Accepted gives the place, from 0, of the credential in [registry.Access] that the registry took; ok is false where it took none, or was
// not asked. Those before it were answered 401 or 403.
func (t *Trace) Accepted() (place int, ok bool) { return t.accepted - 1, t.accepted > 0 }

func (t *Trace) credential(repo *registry.Repository) {
	if t == nil {
		return
	}
	if place, ok := repo.Accepted(); ok {
		t.accepted = place + 1
	}
}

func (t *Trace) by(field string) {
	if t != nil {
		t.By = field
	}
}

func (t *Trace) revision(r string) {
	if t != nil {
		t.Revision = r
	}
}

// What becomes of a tag.
const (
	whyChosen     = "chosen: the highest version in the range"
	whyOlder      = "a lower version than the chosen one"
	whyTwin       = "the same version as the chosen one, which is the last by name"
	whyNoVersion  = "no version of three parts"
	whyFiltered   = "spec.ref.semverFilter does not match it"
	whyPrerelease = "a prerelease, which the range does not ask for"
	whyOutside    = "not in the range"
)

// tags notes what became of each tag by the choice; chosen is empty where none was.
func (t *Trace) tags(tags []string, c choice, chosen string) {
	if t == nil {
		return
	}
	best, _ := c.fit(chosen)
	for _, tag := range tags {
		version, why := c.fit(tag)
		switch {
		case why != "":
		case tag == chosen:
			why = whyChosen
		case version.Equal(best):
			why = whyTwin
		default:
			why = whyOlder
		}
		t.Tags = append(t.Tags, TraceTag{tag, why, version})
	}
	slices.SortFunc(t.Tags, func(a, b TraceTag) int {
		switch {
		case a.Tag == chosen || b.Tag == chosen:
			return cmp.Compare(rank(a.Tag != chosen), rank(b.Tag != chosen))
		case a.version == nil || b.version == nil:
			return cmp.Or(cmp.Compare(rank(a.version == nil), rank(b.version == nil)), cmp.Compare(a.Tag, b.Tag))
		}
		return cmp.Or(b.version.Compare(a.version), cmp.Compare(a.Tag, b.Tag))
	})
}

func rank(later bool) int {
	if later {
		return 1
	}
	return 0
}

// check begins to note a search, and gives what notes who was found.
func (t *Trace) check(d digest.Digest, r signature.Requirement) *TraceCheck {
	if t == nil {
		return &TraceCheck{}
	}
	c := TraceCheck{Subject: d, Name: r.Name, Type: r.Type, Signers: r.By.Signers()}
	if r.Where != nil {
		c.Where = r.Where.String()
	}
	t.Checks = append(t.Checks, c)
	return &t.Checks[len(t.Checks)-1]
}

func (c *TraceCheck) found(v signature.Verified) {
	c.By, c.Evidence, c.Form = v.String(), v.Evidence, string(v.Form)
}

func (c *TraceCheck) failed(e *Error) { c.Error, c.Unknown = e.Error(), e.Unknown }

// layers notes what there is to choose from; a chosen one without a digest is none.
func (t *Trace) layers(m *ocispec.Manifest, chosen ocispec.Descriptor) {
	if t == nil {
		return
	}
	done := false
	for _, l := range m.Layers {
		// Of equal ones the first is it.
		is := !done && chosen.Digest == l.Digest && chosen.MediaType == l.MediaType && chosen.Digest != ""
		done = done || is
		t.Layers = append(t.Layers, TraceLayer{l.MediaType, l.Digest, l.Size, is})
	}
}

func (t *Trace) stored(format string, args ...any) {
	if t != nil {
		t.Stored = fmt.Sprintf(format, args...)
	}
}
