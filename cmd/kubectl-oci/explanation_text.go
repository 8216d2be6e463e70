package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// paragraphs are what a person reads: each begins with a word, and goes on below it, aligned.
type paragraphs struct{ strings.Builder }

const paragraphIndent = "            "

// add writes one line, or more; empty ones are left out. What others wrote must be fit for a terminal by then.
func (p *paragraphs) add(word string, lines ...string) {
	first := true
	for _, line := range lines {
		if line == "" {
			continue
		}
		if first {
			fmt.Fprintf(p, "%-*s%s\n", len(paragraphIndent), word, line)
		} else {
			fmt.Fprintf(p, "%s%s\n", paragraphIndent, line)
		}
		first = false
	}
}

// text is the explanation for people.
func (e *explanation) text() string {
	p := &paragraphs{}
	p.add("Object", kindPrefix+e.Name+" in namespace "+e.Namespace, shown(e.URL))
	p.add("Outcome", e.verdict(), oneLineOf(e.Message))
	p.add("Policy", e.policyLine())
	p.add("Credential", e.credentialLines()...)
	p.add("Reference", e.referenceLines()...)
	p.add("Signature", e.signatureLines()...)
	p.add("Layer", e.layerLines()...)
	p.add("Window", e.windowLines()...)
	next := e.NextPoll
	if e.Suspended {
		next = "suspended: the agent does nothing, and what is advertised stays"
	}
	p.add("Next poll", next)
	p.add("Status", e.statusLines()...)
	return p.String()
}

func (e *explanation) verdict() string {
	switch e.Outcome {
	case outcomeFails:
		return "fails at the " + e.FailsAt + ": " + e.Reason
	case outcomeWaits:
		return "waits for a window"
	}
	return "succeeds"
}

func (e *explanation) policyLine() string {
	switch {
	case e.Policy.Unknown:
		return fmt.Sprintf("not known: %s; --policy names a file", oneLineOf(e.Policy.Note))
	case e.Policy.From == "":
		return fmt.Sprintf("none: %s; --policy names a file. Addresses %s; insecure is permitted", e.Policy.Note, e.Policy.Addresses)
	case e.Policy.Rule == "":
		return fmt.Sprintf("no rule of %s is for this object", e.Policy.From)
	}
	insecure := "insecure is not permitted"
	if e.Policy.Insecure {
		insecure = "insecure is permitted"
	}
	return fmt.Sprintf("%s of %s: addresses %s; %s", e.Policy.Rule, e.Policy.From, e.Policy.Addresses, insecure)
}

const maxShown = 10

func (e *explanation) credentialLines() (lines []string) {
	for _, c := range e.Credentials {
		entry := ""
		if c.Key != "" {
			entry = fmt.Sprintf(", entry %q", c.Key)
		}
		lines = append(lines, fmt.Sprintf("%s: %s from %s%s", c.Result, shown(c.As), c.From, entry))
	}
	if len(lines) == 0 && e.Credentials != nil {
		lines = append(lines, "none: the registry is asked without")
	}
	var others []string
	for _, entry := range e.Entries {
		if !entry.Covers {
			others = append(others, fmt.Sprintf("%q of %s", entry.Key, entry.Secret))
		}
	}
	if n := len(others); n > 0 {
		lines = append(lines, "for other places: "+strings.Join(bounded(others), ", "))
	}
	return bounded(lines)
}

// bounded leaves the first few, and says how many more there are.
func bounded(lines []string) []string {
	if rest := len(lines) - maxShown; rest > 0 {
		return append(lines[:maxShown:maxShown], fmt.Sprintf("and %d more: -o json has all", rest))
	}
	return lines
}

func (e *explanation) referenceLines() []string {
	if e.By == "" {
		return nil
	}
	by := "spec.ref." + e.By
	if e.By == "default" {
		by = "spec.ref is empty: the tag " + source.DefaultTag
	}
	lines := []string{by + ": " + cmp.Or(shown(e.Revision), "nothing was found")}
	width := 0
	tags := e.Tags[:min(len(e.Tags), maxShown)]
	for _, t := range tags {
		width = max(width, len(shown(t.Tag)))
	}
	var rows []string
	for _, t := range tags {
		rows = append(rows, fmt.Sprintf("  %-*s  %s", width, shown(t.Tag), t.Why))
	}
	if rest := len(e.Tags) - len(tags); rest > 0 {
		rows = append(rows, fmt.Sprintf("  and %d more: -o json has all", rest))
	}
	return append(lines, rows...)
}

func (e *explanation) signatureLines() (lines []string) {
	for _, c := range e.Checks {
		what := "a signature"
		if c.Type != "" {
			what = "an attestation of type " + shown(c.Type)
		}
		of := c.Subject.String()
		if !strings.HasSuffix(e.Revision, of) {
			of += ", which is advertised,"
		}
		lines = append(lines, fmt.Sprintf("%s asks for %s of %s by", c.Name, what, of))
		for _, signer := range bounded(c.Signers) {
			lines = append(lines, "  "+oneLineOf(signer))
		}
		switch {
		case c.Error != "" && c.Unknown:
			lines = append(lines, "not known: "+oneLineOf(c.Error))
		case c.Error != "":
			lines = append(lines, "not found: "+oneLineOf(c.Error))
		case c.By != "":
			lines = append(lines, fmt.Sprintf("found: %s, in the %s %s", oneLineOf(c.By), c.Form, c.Evidence))
		}
	}
	switch {
	case !e.Required:
		return []string{"nobody asks for one"}
	case len(lines) == 0 && e.Window != nil && e.Window.Waiting != "":
		return []string{"it is looked for when the artifact is adopted"}
	}
	return lines
}

func (e *explanation) layerLines() (lines []string) {
	for i, l := range e.Layers {
		chosen := "not chosen"
		if l.Chosen {
			chosen = "chosen"
		}
		lines = append(lines, fmt.Sprintf("%d: %s, %s, %s: %s", i+1, shown(l.MediaType), size(l.Size), shortRevision(l.Digest.String()), chosen))
	}
	lines = bounded(lines)
	if e.Stored != "" {
		lines = append(lines, "served: "+oneLineOf(e.Stored))
	}
	return lines
}

func (e *explanation) windowLines() []string {
	switch {
	case e.Window == nil:
		return nil
	case e.Window.Open:
		return []string{"open"}
	}
	lines := []string{"closed until " + e.Window.Opens}
	if e.Window.Waiting != "" {
		lines = append(lines, oneLineOf(e.Window.Waiting)+" waits")
	}
	if e.Window.Adopt != "" {
		lines = append(lines, "may pass all the same: "+shown(e.Window.Adopt))
	}
	return lines
}

func (e *explanation) statusLines() []string {
	s := e.Status
	if s == nil {
		return []string{"the agent has said nothing yet"}
	}
	lines := []string{fmt.Sprintf("Ready=%s since %s: %s", s.Ready, s.Since, shown(s.Reason)), oneLineOf(s.Message)}
	if s.Stale {
		lines = append(lines, "it tells of an older spec")
	}
	if len(e.Differences) == 0 {
		return append(lines, "the same as found here")
	}
	for _, d := range e.Differences {
		lines = append(lines, oneLineOf(d))
	}
	return lines
}

func cmpEmpty(text string) string { return cmp.Or(text, "nothing") }

// sameMessage tells whether a status says what was found, but for what it adds.
func sameMessage(status, found string) bool { return strings.HasPrefix(status, found) }
