package resource

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	sigsyaml "sigs.k8s.io/yaml"
)

// Unified writes what differs: for each object, what became of it and which of its fields changed, then its YAML before and after as
// diff -u shows it.
func (d *Diff) Unified(w io.Writer) error {
	out := &printer{w: w}
	for i, o := range d.Objects {
		if i > 0 {
			out.print("\n")
		}
		out.print("%s %s\n", o.Change, o.Object)
		for _, f := range o.Fields {
			out.print("  %s%s\n", f.Path, f.Change.note())
		}
		text, err := o.yaml()
		if err != nil {
			return err
		}
		out.print("%s", text)
	}
	if len(d.Objects) > 0 && len(d.Files) > 0 {
		out.print("\n")
	}
	for _, f := range d.Files {
		out.print("%s file %s\n", f.Change, printable(f.File))
	}
	return out.err
}

// note is said of changes only that a path does not explain by itself.
func (c Change) note() string {
	if c == Changed {
		return ""
	}
	return " (" + string(c) + ")"
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) print(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// yaml is the difference of the object's YAML, of which files' names are the head.
func (o *ObjectDiff) yaml() (string, error) {
	before, err := marshal(o.before)
	if err != nil {
		return "", err
	}
	after, err := marshal(o.after)
	if err != nil {
		return "", err
	}
	text := diff.Diff(o.Old.String(), before, o.New.String(), after)
	_, text, _ = bytes.Cut(text, []byte("\n")) // the command line of a diff that nobody ran
	return string(text), nil
}

// String is the place as editors look it up; /dev/null, as diff has it, for none.
func (p *Place) String() string {
	if p == nil {
		return "/dev/null"
	}
	return place(p.File, p.Line)
}

func marshal(content map[string]any) ([]byte, error) {
	if content == nil {
		return nil, nil
	}
	text, err := sigsyaml.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return text, nil
}

// Markdown writes what differs as a comment on a pull request shows it: a summary, a table of the objects, and each one's YAML.
func (d *Diff) Markdown(w io.Writer) error {
	out := &printer{w: w}
	if d.Same() {
		out.print("No object differs.\n")
		return out.err
	}
	out.print("**%s**\n\n| change | what | fields |\n|---|---|---|\n", d.Summary())
	for _, o := range d.Objects {
		out.print("| %s | %s | %s |\n", o.Change, cell(o.Object.String()), cellOfFields(o.Fields))
	}
	for _, f := range d.Files {
		out.print("| %s | file %s | |\n", f.Change, cell(printable(f.File)))
	}
	for _, o := range d.Objects {
		text, err := o.yaml()
		if err != nil {
			return err
		}
		fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
		out.print("\n%sdiff\n# %s %s\n%s%s\n", fence, o.Change, o.Object, text, fence)
	}
	return out.err
}

// Summary says how much differs, as in "1 added, 2 changed".
func (d *Diff) Summary() string {
	var parts []string
	count := d.Count()
	for _, change := range []Change{Added, Removed, Changed} {
		if n := count[change]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, change))
		}
	}
	if len(parts) == 0 {
		return "nothing differs"
	}
	return strings.Join(parts, ", ")
}

// At most this many fields are named in a table.
const namedFields = 5

func cellOfFields(fields []Field) string {
	var cells []string
	for _, f := range fields[:min(len(fields), namedFields)] {
		cells = append(cells, cell(f.Path)+f.Change.note())
	}
	if more := len(fields) - len(cells); more > 0 {
		cells = append(cells, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(cells, "<br>")
}

// cell is a text as it is in a table of Markdown's, whatever it holds.
func cell(text string) string {
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	return fence + " " + strings.ReplaceAll(text, "|", `\|`) + " " + fence
}

func longestRun(text string, of rune) int {
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != of {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
