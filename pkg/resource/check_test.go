package resource_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text, want string }{
		"nothing":           {"a.yaml", "", ""},
		"comments":          {"a.yaml", "# nothing\n---\n---\n", ""},
		"documents":         {"a.yaml", "a: 1\n---\nb: [1, 2]\n", ""},
		"broken":            {"a.yaml", "a: 1\nb: [1\nc: 2\n", "a.yaml:3: "},
		"second is broken":  {"a.yaml", "a: 1\n---\nb: 'x\n", "a.yaml:3: "},
		"tab":               {"a.yaml", "a:\n\tb: 1\n", "a.yaml:2: found character that cannot start any token"},
		"template":          {"a.yaml", "kind: A\n{{- if .Values.on }}\nb: 1\n{{- end }}\n", "a.yaml:"},
		"template's value":  {"a.yaml", "kind: A\nb: {{ .Values.b }}\n", "a.yaml:2: a key is no scalar"},
		"key from an alias": {"a.yaml", "a: &x k\n*x : 1\n", ""},
		"twice":             {"a.yaml", "a:\n  b: 1\n  b: 2\n", `a.yaml:3: key "b" appears twice`},
		"twice in JSON":     {"a.json", "{\"a\": 1,\n \"a\": 2}", `a.json:2: key "a" appears twice`},
		"twice among many":  {"a.yaml", "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\na: 1\n", `a.yaml:10: key "a" appears twice`},
		"another type":      {"a.yaml", "1: x\n\"1\": y\n", ""},
		"aliases":           {"a.yaml", "a: &x {b: 1}\nc: {<<: *x, d: 1}\n", ""},
		"JSON":              {"a.json", `{"a": [1, {"b": null}]}`, ""},
		"JSON with comment": {"a.json", "{\n // no\n}", "a.json:2: "},
		"JSON cut off":      {"a.json", "{\"a\":\n1", "a.json:2: it ends in the middle of a value"},
		"deep":              {"a.yaml", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "a.yaml:1: "},
		"large":             {"a.yaml", "a: " + strings.Repeat("x", resource.MaxDocument), "a.yaml:1: it is too large to be checked"},
		"bomb":              {"a.yaml", "a: 1\n---\n" + bomb(8), "a.yaml:2: too many values, aliases followed"},
		"within itself":     {"a.yaml", "a: &x [*x]\n", "a.yaml:1: too many values, aliases followed"},
		"many aliases":      {"a.yaml", "a: &x {b: 1}\nb: [" + strings.Repeat("*x,", 10_000) + "]\n", ""},
		"many":              {"a.yaml", strings.Repeat("a: 1\n---\n", resource.MaxDocument/8), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := resource.Check(c.file, []byte(c.text))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, ok := errors.AsType[*resource.Error](err); err != nil && !ok {
				t.Errorf("%T", err)
			}
		})
	}
}

// bomb is a document of so many levels, of which each has ten times what the one before has.
func bomb(levels int) string {
	var text strings.Builder
	text.WriteString("l0: &l0 [x]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&text, "l%d: &l%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*l%d,", i-1), 10))
	}
	return text.String()
}

func FuzzCheck(f *testing.F) {
	f.Add("a.yaml", "a: [1]\n---\nb: {c: 1, c: 2}\n")
	f.Add("a.json", `{"a": 1}`)
	f.Fuzz(func(t *testing.T, file, text string) {
		err := resource.Check(file, []byte(text))
		if _, ok := errors.AsType[*resource.Error](err); err != nil && !ok {
			t.Errorf("%T: %v", err, err)
		}
	})
}
