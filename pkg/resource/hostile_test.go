package resource

import (
	"fmt"
	"strings"
	"testing"
)

func readSet(t *testing.T, text string) *Set {
	t.Helper()
	s := &Set{}
	if err := s.Read("a.yaml", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return s
}

const head = "apiVersion: v1\nkind: A\n"

// Each level of lists in lists that is compared more than once doubles the time, at least: such a test does not end.
func TestListsInLists(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"A", "Secret"} {
		lists := func(value string) *Set {
			return readSet(t, "apiVersion: v1\nkind: "+kind+"\ndata: "+strings.Repeat("[", 150)+value+strings.Repeat("]", 150)+"\n")
		}
		if d := Compare(lists("1"), lists("2")); len(d.Objects) != 1 || len(d.Objects[0].Fields) != 1 {
			t.Errorf("%s: got %v", kind, d.Objects)
		}
		if d := Compare(lists("1"), lists("1")); !d.Same() {
			t.Errorf("%s: got %v", kind, d.Objects)
		}
	}
}

// A long key is not repeated with each change and each image below it.
func TestLongKeys(t *testing.T) {
	t.Parallel()
	below := func(tag int) *Set {
		text := head + "spec:\n  ? " + strings.Repeat("k", 100_000) + "\n  :\n"
		for i := range 100 {
			text += fmt.Sprintf("    f%d: {image: app:%d}\n", i, tag)
		}
		return readSet(t, text)
	}
	d := Compare(below(1), below(2))
	if n := len(d.Objects[0].Fields); n != 100 {
		t.Errorf("%d changes", n)
	}
	for _, f := range d.Objects[0].Fields {
		checkPath(t, f.Path)
	}
	images := below(1).Images()
	if len(images) != 100 {
		t.Errorf("%d images", len(images))
	}
	for _, i := range images {
		checkPath(t, i.Path)
	}
}

func checkPath(t *testing.T, path string) {
	t.Helper()
	if len(path) > maxPath+len(ellipsis) || !strings.HasPrefix(path, "spec") || !strings.HasSuffix(path, ellipsis) {
		t.Errorf("a path of %d bytes, %.20q", len(path), path)
	}
}

// Go takes some 350 bytes for a mapping with one field.
func TestMappingsWeigh(t *testing.T) {
	t.Parallel()
	s := readSet(t, head+"spec: ["+strings.Repeat("{a},", 1000)+"]\n")
	if s.weight < 1000*350 {
		t.Errorf("1000 mappings weigh %d", s.weight)
	}
	fields := make([]string, 1000)
	for i := range fields {
		fields[i] = fmt.Sprintf("f%d", i)
	}
	if s := readSet(t, head+"spec: {"+strings.Join(fields, ", ")+"}\n"); s.weight < 1000*(valueWeight+fieldWeight) {
		t.Errorf("a mapping of 1000 fields weighs %d", s.weight)
	}
}

// The parser looks for each directive among all before it.
func TestDirectives(t *testing.T) {
	t.Parallel()
	text := ""
	for i := range maxDirectives + 1 {
		text += fmt.Sprintf("%%TAG !e%d! x\n", i)
	}
	err := new(Set).Read("a.yaml", strings.NewReader("\n"+text+"---\n"+head))
	if err == nil || err.Error() != "a.yaml:1: more than 100 directives" {
		t.Errorf("got %v", err)
	}
	readSet(t, "%YAML 1.1\n---\n"+head)
}

// What is no number may be somebody's password.
func TestErrorsHoldNoValues(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"!!int", "!!float", "!!bool"} {
		err := new(Set).Read("a.yaml", strings.NewReader("apiVersion: v1\nkind: Secret\ndata: {password: "+tag+" hunter2}\n"))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", tag, err)
		}
	}
}
