package resource_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

func read(t *testing.T, file, text string) *resource.Set {
	t.Helper()
	var s resource.Set
	if err := s.Read(file, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return &s
}

// summary is "Kind/namespace/name:line" of each object.
func summary(s *resource.Set) string {
	var all []string
	for _, o := range s.Objects {
		all = append(all, fmt.Sprintf("%s:%d", o.ID, o.Line))
	}
	return strings.Join(all, " ")
}

func TestRead(t *testing.T) {
	t.Parallel()
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
	for name, test := range map[string]struct {
		file, text, want string
		other            bool
	}{
		"one":             {text: service, want: "Service/shop/web:1"},
		"empty":           {text: ""},
		"comments":        {text: "# nothing\n---\n# here\n---\n"},
		"several":         {text: "# head\n---\n" + service + "---\n\n---\n" + service, want: "Service/shop/web:3 Service/shop/web:9"},
		"directive":       {text: "%YAML 1.1\n---\n" + service, want: "Service/shop/web:3"},
		"on the line":     {text: service + "--- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n", want: "Service/shop/web:1 Pod/a:4"},
		"document's end":  {text: service + "...\n---\n" + service, want: "Service/shop/web:1 Service/shop/web:6"},
		"Windows":         {text: strings.ReplaceAll("# head\n---\n"+service+"---\n"+service, "\n", "\r\n"), want: "Service/shop/web:3 Service/shop/web:7"},
		"byte order mark": {text: "\ufeff" + service, want: "Service/shop/web:1"},
		"in a text": {
			text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: |\n    ---\n    x\n",
			want: "ConfigMap/c:1",
		},
		"list": {
			text: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
			want: "Pod/a:4 Pod/b:10",
		},
		"list of a kind": {text: "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n", want: "Deployment/a:4"},
		"JSON": {
			file: "a.json", text: "{\n\t\"apiVersion\": \"v1\", \"kind\": \"List\",\n\t\"items\": [\n\t\t{\"apiVersion\": \"v1\",\n\t\t\"kind\": \"Pod\", \"metadata\": {\"name\": \"\\ud83d\\ude00\"}}\n\t]\n}\n",
			want: "Pod/😀:4",
		},
		"JSON one after the other": {file: "a.json", text: "{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n{\"apiVersion\":\"v1\",\"kind\":\"B\"}\n", want: "A:1 B:2"},
		"YAML like JSON":           {text: "{apiVersion: v1, kind: A}", want: "A:1"},
		"values":                   {text: "image: {repository: nginx}\n", other: true},
		"a list of patches":        {text: "- op: replace\n", other: true},
		"values beside an object":  {text: service + "---\na: 1\n", want: "Service/shop/web:1", other: true},
		"a kind that is a number":  {text: "apiVersion: v1\nkind: 5\n", other: true},
		"a name that is a number":  {text: "apiVersion: v1\nkind: A\nmetadata: {name: 5}\n", want: "A:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := test.file
			if file == "" {
				file = "a.yaml"
			}
			s := read(t, file, test.text)
			if got := summary(s); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := len(s.Others) > 0; got != test.other {
				t.Errorf("something else: %v, want %v", got, test.other)
			}
		})
	}
}

// kubectl reads YAML 1.1 and gives JSON to the API server.
func TestValues(t *testing.T) {
	t.Parallel()
	s := read(t, "a.yaml", `apiVersion: v1
kind: A
spec:
  base: &base {a: 1, b: [x]}
  merged: {<<: *base, a: 2}
  several: {<<: [{a: 1}, {a: 3, c: 3}]}
  alias: *base
  yes: no
  quoted: "yes"
  octal: 0644
  large: 18446744073709551615
  float: 1.5
  date: 2024-05-06
  empty:
  1: one
`)
	base := map[string]any{"a": int64(1), "b": []any{"x"}}
	want := map[string]any{
		"base": base, "alias": base, "merged": map[string]any{"a": int64(2), "b": []any{"x"}},
		"several": map[string]any{"a": int64(1), "c": int64(3)},
		"true":    false, "quoted": "yes", "octal": int64(420), "large": 18446744073709551615.0,
		"float": 1.5, "date": "2024-05-06", "empty": nil, "1": "one",
	}
	if diff := cmp.Diff(want, s.Objects[0].Content["spec"]); diff != "" {
		t.Error(diff)
	}
	same := read(t, "a.json", `{"apiVersion":"v1","kind":"A","spec":{"a":1,"b":1.5,"c":"yes","d":null,"e":true,"f":["<<"],"<<":1e2}}`)
	want = map[string]any{"a": int64(1), "b": 1.5, "c": "yes", "d": nil, "e": true, "f": []any{"<<"}, "<<": 100.0}
	if diff := cmp.Diff(want, same.Objects[0].Content["spec"]); diff != "" {
		t.Error(diff)
	}
}

// A person wants to know the line to look at.
func TestErrors(t *testing.T) {
	t.Parallel()
	head := "apiVersion: v1\nkind: A\n"
	for name, test := range map[string]struct{ file, text, want string }{
		"no mapping":            {text: head + "spec:\n  a: b: c\n", want: `a.yaml:4: mapping values are not allowed in this context`},
		"second document":       {text: head + "---\n" + head + "spec:\n  a: b: c\n", want: `a.yaml:7: mapping values`},
		"first line":            {text: "a: b: c\n", want: `a.yaml:1: mapping values`},
		"tab":                   {text: head + "spec:\n\ta: b\n", want: `a.yaml:4: found character that cannot start any token`},
		"indent":                {text: head + "spec:\n  a: b\n c: d\n", want: `a.yaml:5: did not find expected key`},
		"not closed":            {text: head + "spec: [a\nb: c\n", want: `a.yaml:4: did not find expected ',' or ']'`},
		"not closed at the end": {text: "# head\n" + strings.Repeat("{a: ", 20), want: `a.yaml:2: did not find expected node content`},
		"template":              {text: head + "spec:\n{{- if .Values.a }}\n  a: b\n{{- end }}\n", want: `a.yaml:4: `},
		"twice":                 {text: head + "spec:\n  a: b\n  c: d\n  a: e\n", want: `a.yaml:6: key "a" appears twice, first in line 4`},
		"unknown alias":         {text: head + "spec: *b\n", want: `a.yaml:1: unknown anchor 'b' referenced`},
		"infinite":              {text: head + "spec: .inf\n", want: "a.yaml:3: infinity and not-a-number are none of JSON's numbers"},
		"merge":                 {text: head + "spec:\n  <<: 5\n", want: `a.yaml:4: what << merges is no mapping`},
		"a key":                 {text: head + "spec:\n  [a]: 5\n", want: `a.yaml:4: a key is no scalar`},
		"a recursion":           {text: head + "spec: &a\n  b: *a\n", want: `a.yaml:3: values are nested deeper than 200`},
		"depth":                 {text: head + "spec: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), want: `a.yaml:3: values are nested deeper than 200`},
		"JSON":                  {file: "a.json", text: "{\n\"a\": 1,\n\"b\" 2}", want: `a.json:3: invalid character '2' after object key`},
		"JSON, twice":           {file: "a.json", text: "{\n\"a\": 1,\n\"a\": 2}", want: `a.json:3: key "a" appears twice, first in line 2`},
		"JSON, short":           {file: "a.json", text: "{\n\"a\": [1,\n", want: `a.json:3: it ends in the middle of a value`},
		"JSON, deep":            {file: "a.json", text: strings.Repeat("[", 300), want: `a.json:1: values are nested deeper than 200`},
		"a large document":      {text: head + "spec: " + strings.Repeat("x", resource.MaxDocument), want: `a.yaml:1: a document of more than 4194304 bytes`},
		"a name that does harm": {file: "\x1b[2J.yaml", text: "a: b: c", want: `"\x1b[2J.yaml":1: `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := test.file
			if file == "" {
				file = "a.yaml"
			}
			var s resource.Set
			err := s.Read(file, strings.NewReader(test.text))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if len(s.Objects) > 0 {
				t.Errorf("the set holds %s", summary(&s))
			}
		})
	}
}

// Aliases of aliases stand for more than memory holds.
func TestBomb(t *testing.T) {
	t.Parallel()
	text := "a: &a [" + strings.Repeat("x,", 1000) + "x]\n"
	for c := 'b'; c < 'i'; c++ {
		text += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 100), ","))
	}
	err := new(resource.Set).Read("a.yaml", strings.NewReader(text))
	if err == nil || !strings.Contains(err.Error(), "too many values, aliases followed") {
		t.Errorf("got %v", err)
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	s := read(t, "a.yaml", `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {image: "no"}}
spec:
  template:
    spec:
      initContainers: [{name: init, image: busybox:1}]
      containers: [{name: web, image: "ghcr.io/org/web@sha256:0"}, {image: unnamed}]
      ephemeralContainers: [{name: debug, image: debug}]
      volumes: [{name: files, image: {reference: ghcr.io/org/files:v1}}, {name: block, rbd: {image: disk}}]
---
apiVersion: example.com/v1
kind: Own
metadata: {name: x}
spec: {image: own:1, agent: {image: {repository: a, tag: b}}}
status: {image: "no"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {image: "no"}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: j}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: j, image: job}]}}}}}
`)
	var got []string
	for _, i := range s.Images() {
		got = append(got, fmt.Sprintf("%s:%d %s %s %s", i.File, i.Line, i.Object, i.Path, i.Name))
	}
	want := []string{
		"a.yaml:1 Deployment/web spec.template.spec.containers[web].image ghcr.io/org/web@sha256:0",
		"a.yaml:1 Deployment/web spec.template.spec.containers[1].image unnamed",
		"a.yaml:1 Deployment/web spec.template.spec.ephemeralContainers[debug].image debug",
		"a.yaml:1 Deployment/web spec.template.spec.initContainers[init].image busybox:1",
		"a.yaml:1 Deployment/web spec.template.spec.volumes[files].image.reference ghcr.io/org/files:v1",
		"a.yaml:12 Own/x spec.image own:1",
		"a.yaml:23 CronJob/j spec.jobTemplate.spec.template.spec.containers[j].image job",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
