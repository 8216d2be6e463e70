package edit_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
)

// change parses a text, lets act change it, and gives what it becomes.
func change(t *testing.T, text string, act func(edit.Value) error) (string, error) {
	t.Helper()
	f, err := edit.Parse([]byte(text))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	if err := act(f.Documents()[0]); err != nil {
		return "", err
	}
	out, err := f.Bytes()
	return string(out), err
}

func setTag(text string) func(edit.Value) error {
	return func(v edit.Value) error { return v.Field("ref", "tag").Set(text) }
}

func TestSet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, text, after string }{
		"plain":          {"ref:\n  tag: v1.0.0\n", "v1.1.0", "ref:\n  tag: v1.1.0\n"},
		"comment":        {"# a\nref: # b\n  tag:   v1   # c\n# d", "v2", "# a\nref: # b\n  tag:   v2   # c\n# d"},
		"double quotes":  {`ref: {tag: "1.0"}`, "1.1", `ref: {tag: "1.1"}`},
		"single quotes":  {"ref:\n  tag: '1.0' # it's\n", "it's", "ref:\n  tag: 'it''s' # it's\n"},
		"json":           {`{"ref":{"tag":"v1","a":1}}`, "v2", `{"ref":{"tag":"v2","a":1}}`},
		"needs quotes":   {"ref:\n  tag: v1\n", "1.10", "ref:\n  tag: \"1.10\"\n"},
		"was a number":   {"ref:\n  tag: 1.1\n", "1.2.0", "ref:\n  tag: 1.2.0\n"},
		"a word of YAML": {"ref:\n  tag: v1\n", "on", "ref:\n  tag: \"on\"\n"},
		"digest":         {"ref: {tag: v1, a: b}", "sha256:00", "ref: {tag: sha256:00, a: b}"},
		"line ends":      {"ref:\r\n  tag: v1\r\na: 1\r\n", "v2", "ref:\r\n  tag: v2\r\na: 1\r\n"},
		"mark and runes": {"\ufeffä: ö\nref: {ä: ü, tag: v1}\n", "v2", "\ufeffä: ö\nref: {ä: ü, tag: v2}\n"},
		"mark in line 1": {"\ufeffref: {tag: v1}", "v2", "\ufeffref: {tag: v2}"},
		"documents":      {"---\nref:\n  tag: v1\n---\nref:\n  tag: v1\n...\n", "v2", "---\nref:\n  tag: v2\n---\nref:\n  tag: v1\n...\n"},
		"empty quotes":   {"ref: {tag: ''}", "v2", "ref: {tag: 'v2'}"},
		"escapes":        {`ref: {tag: "a\"b"} # "`, `c"d`, `ref: {tag: "c\"d"} # "`},
		"beside anchors": {"a: &a {b: 1}\nref:\n  <<: *a\n  tag: v1\n", "v2", "a: &a {b: 1}\nref:\n  <<: *a\n  tag: v2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := change(t, test.before, setTag(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What cannot be changed alone stays, and the error says why.
func TestSetRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, why string }{
		"anchor":        {"ref: {tag: &t v1}\na: *t", "anchored"},
		"anchor above":  {"ref: &r {tag: v1}\na: *r", "anchored"},
		"alias":         {"a: &t v1\nref: {tag: *t}", "anchored"},
		"twice":         {"ref:\n  tag: v1\n  tag: v2\n", "twice"},
		"twice above":   {"ref: {}\nref: {tag: v1}\n", "no such value"},
		"literal":       {"ref:\n  tag: |\n    v1\n", "several lines"},
		"folded":        {"ref:\n  tag: \"v1\n    v2\"\n", "several lines"},
		"escaped end":   {"ref:\n  tag: \"v1\\\n    v2\"\n", "several lines"},
		"plain lines":   {"ref:\n  tag: v1\n    v2\n", "several lines"},
		"empty":         {"ref:\n  tag:\n", "nothing in its place"},
		"no scalar":     {"ref:\n  tag: [v1]\n", "no single value"},
		"tag of YAML's": {"ref:\n  tag: !!str 1\n", "a tag or an anchor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := change(t, test.before, setTag("v3"))
			if err == nil || !strings.Contains(err.Error(), test.why) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, after string }{
		"block":       {"ref:\n  tag: v1 # c\n  a: b\n", "ref:\n  tag: v2 # c\n  digest: sha256:00\n  a: b\n"},
		"at the end":  {"ref:\n  tag: v1", "ref:\n  tag: v2\n  digest: sha256:00"},
		"comment":     {"ref:\n  tag: v1\n\n# next\na: b\n", "ref:\n  tag: v2\n  digest: sha256:00\n\n# next\na: b\n"},
		"line ends":   {"ref:\r\n  tag: v1\r\n", "ref:\r\n  tag: v2\r\n  digest: sha256:00\r\n"},
		"braces":      {"ref: {tag: v1} # c", "ref: {tag: v2, digest: sha256:00} # c"},
		"json":        {`{"ref": {"tag": "v1"}}`, `{"ref": {"tag": "v2", "digest": "sha256:00"}}`},
		"json, lines": {"{\"ref\": {\n    \"tag\": \"v1\"\n  }\n}", "{\"ref\": {\n    \"tag\": \"v2\",\n    \"digest\": \"sha256:00\"\n  }\n}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := change(t, test.before, func(v edit.Value) error {
				if err := setTag("v2")(v); err != nil {
					return err
				}
				return v.Field("ref", "tag").Add("digest", "sha256:00")
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	const before = "spec: # a\n  # b\n  ref: # c\n    tag: v1\n    # d\n  # e\n  list:\n  - x\n\n  text: |\n    # t\n\n    u\n# f\nz: 1\n"
	for name, test := range map[string]struct{ field, fields, after string }{
		"mapping": {"ref", "url: u\nref:\n  digest: d\n",
			"spec: # a\n  # b\n  url: u\n  ref:\n    digest: d\n  # e\n  list:\n  - x\n\n  text: |\n    # t\n\n    u\n# f\nz: 1\n"},
		"list": {"list", "", "spec: # a\n  # b\n  ref: # c\n    tag: v1\n    # d\n  # e\n\n  text: |\n    # t\n\n    u\n# f\nz: 1\n"},
		"text": {"text", "text: u\n", "spec: # a\n  # b\n  ref: # c\n    tag: v1\n    # d\n  # e\n  list:\n  - x\n\n  text: u\n# f\nz: 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := change(t, before, func(v edit.Value) error { return v.Field("spec", test.field).Replace(test.fields) })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, after string }{
		"before another": {"spec:\r\n  url: u\r\n\r\n  # c\r\n  a: b\r\n", "spec:\r\n  url: u\r\n  ref:\r\n    tag: v1\r\n\r\n  # c\r\n  a: b\r\n"},
		"at the end":     {"spec:\n  url: u", "spec:\n  url: u\n  ref:\n    tag: v1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := change(t, test.before, func(v edit.Value) error { return v.Field("spec", "url").Append("ref:\n  tag: v1\n") })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAddRefusesASecondField(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(edit.Value) error{
		"add":     func(v edit.Value) error { return v.Field("spec", "url").Add("ref", "x") },
		"append":  func(v edit.Value) error { return v.Field("spec", "url").Append("ref: {}\n") },
		"replace": func(v edit.Value) error { return v.Field("spec", "url").Replace("url: a\nref: b\n") },
	} {
		if got, err := change(t, "spec:\n  url: u\n  ref:\n", act); err == nil || !strings.Contains(err.Error(), `a field "ref" already, in line 3`) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestReplaceRefuses(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{
		"braces":       "spec: {ref: {tag: v1}}",
		"shares":       "spec:\n  - ref: v1\n",
		"the only one": "spec:\n  ref: v1\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := change(t, before, func(v edit.Value) error {
				if items := v.Field("spec").Items(); len(items) > 0 {
					return items[0].Field("ref").Replace("")
				}
				return v.Field("spec", "ref").Replace("")
			})
			if err == nil {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestComment(t *testing.T) {
	t.Parallel()
	f, err := edit.Parse([]byte("a: v1 # one\nb: # two\n  c: '# no' # three\nd: {e: v1} # four\ne: x#y\nf: |\n  # no\n"))
	if err != nil {
		t.Fatal(err)
	}
	doc := f.Documents()[0]
	got := map[string]string{}
	for _, path := range []string{"a", "b", "b c", "d", "d e", "e", "f"} {
		got[path] = doc.Field(strings.Fields(path)...).Comment()
	}
	want := map[string]string{"a": "one", "b": "two", "b c": "three", "d": "four", "d e": "four", "e": "", "f": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
