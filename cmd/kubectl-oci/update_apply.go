package main

import (
	"fmt"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// refChange is one field that an update changes.
type refChange struct {
	File       string `json:"file"`
	Line       int    `json:"line"` // before
	Object     string `json:"object"`
	Repository string `json:"repository"`
	Field      string `json:"field"`
	From       string `json:"from,omitempty"`
	To         string `json:"to"`
	Rule       string `json:"rule,omitempty"`
}

// refLeft is an OCIRepository that an update leaves alone.
type refLeft struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Object string `json:"object"`
	Reason string `json:"reason"`
}

// apply edits the object's file, and gives what changes.
func (f *follower) apply() ([]refChange, error) {
	a := &refEdits{follower: f}
	if f.name {
		a.set("spec.url", f.fields.url, f.urlOf(f.repository))
	}
	moved := f.moves.Exists()
	if moved && f.rule != nil {
		a.set(fieldOf(f), f.moves, f.tag)
	}
	switch {
	case f.fields.digest.Exists() && f.pin:
		a.set("spec.ref.digest", f.fields.digest, f.digest.String())
	case f.pin && moved:
		a.add("spec.ref.digest", f.digest.String(), func() error { return f.moves.Add("digest", f.digest.String()) })
	case f.fields.ref.Line() == 0 && f.fields.url.Exists() && !f.name:
		a.addRef()
	}
	if a.err != nil {
		return nil, f.object.at(f.fields.ref, fmt.Errorf("change %s: %w", f.object.ID, a.err))
	}
	return a.changes, nil
}

func fieldOf(f *follower) string {
	if f.moves == f.fields.semver {
		return "spec.ref.semver"
	}
	return "spec.ref.tag"
}

// urlOf keeps the prefix where there is one.
func (f *follower) urlOf(ref registry.Reference) string {
	if strings.HasPrefix(f.fields.url.String(), registry.Scheme) {
		return registry.Scheme + ref.Name()
	}
	return ref.Name()
}

// refEdits makes changes until one fails.
type refEdits struct {
	*follower
	changes []refChange
	err     error
}

func (a *refEdits) set(field string, v edit.Value, text string) {
	old := v.String()
	if old == text || a.err != nil {
		return
	}
	a.err = v.Set(text)
	a.note(field, v.Line(), old, text)
}

func (a *refEdits) add(field, text string, do func() error) {
	if a.err == nil {
		a.err = do()
		a.note(field, a.object.Line(), "", text)
	}
}

// addRef writes a ref where there is none, which means the tag latest.
func (a *refEdits) addRef() {
	if a.tag == a.current() && !a.pin {
		return
	}
	rows := "ref:\n  tag: " + asYAML(a.tag) + "\n"
	if a.pin {
		rows += fmt.Sprintf("  digest: %s\n", a.digest)
	}
	a.add("spec.ref", strings.Join(strings.Fields(rows)[1:], " "), func() error { return a.fields.url.Append(rows) })
}

func (a *refEdits) note(field string, line int, from, to string) {
	rule := ""
	if a.rule != nil {
		rule = a.rule.text
	}
	a.changes = append(a.changes, refChange{a.object.file.shown, line, a.object.ID.String(), a.repository.Name(), field, from, to, rule})
}
