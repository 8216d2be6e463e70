package edit_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/pkg/edit"
)

// Whatever the file: a change that is made changes one value alone, for this parser and for the one that kubectl has.
func FuzzSet(f *testing.F) {
	for _, text := range []string{
		"ref:\n  tag: v1 # c\n", "a: [x, {b: 'c''d'}] # e\n---\n- \"f\\\"\"\n", "{\"a\": {\"b\": \"c\"}}", "a: &x y\nb: *x\nc:\n  <<: {d: e}\n",
		"\ufeffä: ö\r\nb: c\r\n", "a: |\n  b\nc: >-\n  d\n", "? a\n: b\n", "a: 1\nb: 0x1\nc: yes\n", "a: b c\n  d\ne: ''\n", "%YAML 1.1\n---\na: b\n...\n",
	} {
		for which := range uint(3) {
			f.Add(text, which, "v1.2.3")
			f.Add(text, which, "it's: \"1\" # ä\n")
		}
	}
	f.Fuzz(func(t *testing.T, text string, which uint, value string) {
		file, err := edit.Parse([]byte(text))
		if err != nil {
			return
		}
		all := collect(file)
		if len(all) == 0 {
			return
		}
		chosen := all[which%uint(len(all))]
		if chosen.Set(value) != nil {
			return
		}
		out, err := file.Bytes()
		if err != nil {
			return
		}
		checkOnly(t, text, string(out), chosen.path, value)
	})
}

type target struct {
	edit.Value
	path   string
	parent string
}

// collect finds the scalars of a file. Aliases may lead round in circles: it looks at so many values and no more.
func collect(file *edit.File) (all []target) {
	left := 10_000
	var visit func(v edit.Value, path, parent string)
	visit = func(v edit.Value, path, parent string) {
		if left--; left < 0 || len(path) > 200 {
			return
		}
		if v.String() != "" {
			all = append(all, target{v, path, parent})
		}
		for i, item := range v.Items() {
			visit(item, fmt.Sprintf("%s/%d", path, i), path)
		}
		for _, name := range v.Names() {
			if field := v.Field(name); field.Exists() {
				visit(field, path+"/"+fmt.Sprintf("%q", name), path)
			}
		}
	}
	for i, d := range file.Documents() {
		visit(d, fmt.Sprint(i), "")
	}
	return all
}

func checkOnly(t *testing.T, before, after, path, value string) {
	t.Helper()
	old, changed := leaves(t, before), leaves(t, after)
	if changed[path] != "!!str "+value {
		t.Errorf("%q is %q, want %q, in %q", path, changed[path], value, after)
	}
	old[path] = changed[path]
	if diff := cmp.Diff(old, changed); diff != "" {
		t.Errorf("more than %q changed: %s\n%q\n%q", path, diff, before, after)
	}
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	differ := 0
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			differ++
		}
	}
	if len(was) != len(is) || differ > 1 {
		t.Errorf("more than a line changed\n%q\n%q", before, after)
	}
	var one, other any
	if sigsyaml.Unmarshal([]byte(before), &one) == nil && strings.Count(before, "\n---") == 0 {
		if err := sigsyaml.Unmarshal([]byte(after), &other); err != nil {
			t.Errorf("kubectl cannot read %q: %v", after, err)
		}
		if n := differences(one, other); n > 1 {
			t.Errorf("kubectl sees %d changes: %s\n%q\n%q", n, cmp.Diff(one, other), before, after)
		}
	}
}

// differences counts the scalars that differ.
func differences(a, b any) (n int) {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return 2
		}
		for key := range a {
			n += differences(a[key], b[key])
		}
		return n
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return 2
		}
		for i := range a {
			n += differences(a[i], b[i])
		}
		return n
	}
	if !cmp.Equal(a, b) {
		return 1
	}
	return 0
}

// leaves are the scalars and aliases of a text, by place.
func leaves(t *testing.T, text string) map[string]string {
	t.Helper()
	found := map[string]string{}
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	for i := 0; ; {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%q is no YAML: %v", text, err)
		}
		if len(n.Content) > 0 {
			addLeaves(found, n.Content[0], fmt.Sprint(i))
			i++
		}
	}
}

func addLeaves(found map[string]string, n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.ScalarNode:
		found[path] = n.ShortTag() + " " + n.Value
	case yaml.AliasNode:
		found[path] = "*" + n.Value
	case yaml.SequenceNode:
		for i, c := range n.Content {
			addLeaves(found, c, fmt.Sprintf("%s/%d", path, i))
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			addLeaves(found, n.Content[i], fmt.Sprintf("%s key %d", path, i))
			addLeaves(found, n.Content[i+1], path+"/"+fmt.Sprintf("%q", n.Content[i].Value))
		}
	}
}

// Whatever the file: an added field and one that is taken away change nothing else.
func FuzzFields(f *testing.F) {
	for _, text := range []string{
		"a: b\nc:\n  d: e # f\n  # g\n  h:\n  - i\n\n  j: |\n    k\n", "{\"a\": {\n  \"b\": \"c\"\n}}", "a: {b: c, d: [e]} # f\n", "a:\r\n  b: c", "- a: b\n  c: d\n- e: f\n",
	} {
		for which := range uint(4) {
			f.Add(text, which, true)
			f.Add(text, which, false)
		}
	}
	f.Fuzz(func(t *testing.T, text string, which uint, add bool) {
		file, err := edit.Parse([]byte(text))
		if err != nil {
			return
		}
		all := collect(file)
		if len(all) == 0 {
			return
		}
		chosen := all[which%uint(len(all))]
		if add {
			err = chosen.Add("added", "v1.0.0")
		} else {
			err = chosen.Replace("")
		}
		if err != nil {
			return
		}
		out, err := file.Bytes()
		if err != nil {
			return
		}
		old, changed := values(t, text), values(t, string(out))
		if add {
			place := chosen.parent + "/\"added\""
			if _, had := old[place]; had {
				return
			}
			old[place] = "!!str v1.0.0"
		} else {
			delete(old, chosen.path)
		}
		if diff := cmp.Diff(old, changed); diff != "" {
			t.Errorf("more changed: %s\n%q\n%q", diff, text, out)
		}
	})
}

// values are leaves without keys, whose numbers move.
func values(t *testing.T, text string) map[string]string {
	t.Helper()
	found := leaves(t, text)
	for path := range found {
		if strings.Contains(path, " key ") {
			delete(found, path)
		}
	}
	return found
}
