package resource_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: web
        image: nginx:1
        args: [a, b, c]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
        ports: [{containerPort: 80}, {containerPort: 443}]
      - {name: side, image: envoy}
`

// fieldsOf is what changed in the only object that did.
func fieldsOf(t *testing.T, a, b string) (got []string) {
	t.Helper()
	d := resource.Compare(read(t, "a.yaml", a), read(t, "a.yaml", b))
	if d.Same() {
		return nil
	}
	if len(d.Objects) != 1 || d.Objects[0].Change != resource.Changed {
		t.Fatalf("got %+v", d)
	}
	for _, f := range d.Objects[0].Fields {
		got = append(got, fmt.Sprintf("%s %s %v -> %v", f.Change, f.Path, f.Old, f.New))
	}
	return got
}

func TestFields(t *testing.T) {
	t.Parallel()
	const web = "spec.template.spec.containers[web]."
	for name, test := range map[string]struct {
		from, to string // replaced in the deployment
		want     []string
	}{
		"an image":           {"nginx:1", "nginx:2", []string{"changed " + web + "image nginx:1 -> nginx:2"}},
		"a number":           {"replicas: 1", "replicas: 2", []string{"changed spec.replicas 1 -> 2"}},
		"the same number":    {"replicas: 1", "replicas: 1.0", nil},
		"a number as text":   {"replicas: 1", `replicas: "1"`, []string{"changed spec.replicas 1 -> 1"}},
		"null":               {"replicas: 1", `replicas:`, []string{"changed spec.replicas 1 -> <nil>"}},
		"gone":               {"  replicas: 1\n", "", []string{"removed spec.replicas 1 -> <nil>"}},
		"a variable before":  {"env: [", "env: [{name: C, value: x}, ", []string{"added " + web + "env[C] <nil> -> map[name:C value:x]"}},
		"a variable's value": {`value: "2"`, `value: "3"`, []string{"changed " + web + "env[B].value 2 -> 3"}},
		"order": {
			`{name: A, value: "1"}, {name: B, value: "2"}`, `{name: B, value: "2"}, {name: A, value: "1"}`,
			[]string{"reordered " + web + "env [A B] -> [B A]"},
		},
		"a port":            {"containerPort: 80", "containerPort: 81", []string{"removed " + web + "ports[80/TCP] map[containerPort:80] -> <nil>", "added " + web + "ports[81/TCP] <nil> -> map[containerPort:81]"}},
		"a port's protocol": {"containerPort: 80", "containerPort: 80, protocol: TCP", []string{"added " + web + "ports[80/TCP].protocol <nil> -> TCP"}},
		"an argument more":  {"[a, b, c]", "[a, x, b, c]", []string{"added " + web + "args[1] <nil> -> x"}},
		"an argument less":  {"[a, b, c]", "[a, c]", []string{"removed " + web + "args[1] b -> <nil>"}},
		"an argument":       {"[a, b, c]", "[a, x, c]", []string{"changed " + web + "args[1] b -> x"}},
		"no list":           {"[a, b, c]", "a", []string{"changed " + web + "args [a b c] -> a"}},
		"the same name twice": {
			"{name: side, image: envoy}", "{name: web, image: envoy}",
			[]string{"changed spec.template.spec.containers[1].name side -> web"},
		},
		"an odd key": {"namespace: shop", `namespace: shop, annotations: {"a.b/c": d}`, []string{"added metadata.annotations <nil> -> map[a.b/c:d]"}},
		"the form":   {"metadata: {name: web, namespace: shop}", "metadata: # where\n  namespace: 'shop'\n  name: web", nil},
		"version":    {"apps/v1", "apps/v2", []string{"changed apiVersion apps/v1 -> apps/v2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(deployment, test.from, test.to, 1)
			if changed == deployment {
				t.Fatal("nothing was replaced")
			}
			if diff := cmp.Diff(test.want, fieldsOf(t, deployment, changed)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func object(kind, name, value string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: %s\nmetadata: {name: %s}\nvalue: %s\n", kind, name, value)
}

// Bases and overlays hold the same object in several files.
func TestMatch(t *testing.T) {
	t.Parallel()
	set := func(files ...string) *resource.Set {
		var s resource.Set
		for i := 0; i < len(files); i += 2 {
			if err := s.Read(files[i], strings.NewReader(files[i+1])); err != nil {
				t.Fatal(err)
			}
		}
		return &s
	}
	one, two := object("A", "a", "1"), object("A", "a", "2")
	for name, test := range map[string]struct {
		a, b *resource.Set
		want string
	}{
		"moved":                  {set("x.yaml", one), set("y.yaml", one), ""},
		"added":                  {set("x.yaml", one), set("x.yaml", one+object("B", "a", "1")), "added B/a -:0 x.yaml:7"},
		"removed":                {set("x.yaml", one+object("A", "b", "1")), set("x.yaml", one), "removed A/b x.yaml:7 -:0"},
		"base and overlay":       {set("base.yaml", one, "over.yaml", two), set("base.yaml", one, "over.yaml", one), "changed A/a over.yaml:2 over.yaml:2"},
		"base and overlay moved": {set("base.yaml", one, "over.yaml", two), set("base.yaml", one, "new/over.yaml", two), ""},
		"one more":               {set("base.yaml", one), set("a/over.yaml", two, "base.yaml", one), "added A/a -:0 a/over.yaml:2"},
		"another group":          {set("x.yaml", one), set("x.yaml", strings.Replace(one, "v1", "g/v1", 1)), "removed A/a x.yaml:2 -:0; added A/a -:0 x.yaml:2"},
		"values":                 {set("x.yaml", "a: 1", "y.yaml", "a: 1"), set("x.yaml", "a: 2", "z.yaml", "a: 2"), "changed x.yaml; removed y.yaml; added z.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			d := resource.Compare(test.a, test.b)
			for _, o := range d.Objects {
				from, to := resource.Place{File: "-"}, resource.Place{File: "-"}
				if o.Old != nil {
					from = *o.Old
				}
				if o.New != nil {
					to = *o.New
				}
				got = append(got, fmt.Sprintf("%s %s %s:%d %s:%d", o.Change, o.Object, from.File, from.Line, to.File, to.Line))
			}
			for _, f := range d.Files {
				got = append(got, fmt.Sprintf("%s %s", f.Change, f.File))
			}
			if got := strings.Join(got, "; "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// renderings are all that leaves the package.
func renderings(t *testing.T, d *resource.Diff) string {
	t.Helper()
	var b strings.Builder
	if err := d.Unified(&b); err != nil {
		t.Fatal(err)
	}
	if err := d.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b.String() + string(raw)
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	secret := func(password, more string) string {
		return fmt.Sprintf(`apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata:
    name: s
    annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"password":"%s"}'}
  data: {password: %s, same: unchanged%s}
  stringData: {text: %s}
---
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
secretGenerator: [{name: s, literals: ["password=%s"]}]
`, password, password, more, password, password)
	}
	empty, before, after := &resource.Set{}, read(t, "s.yaml", secret("topsecret1", "")), read(t, "s.yaml", secret("topsecret2", ", more: topsecret3"))
	odd := read(t, "s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: topsecret4\n")
	for _, d := range []*resource.Diff{
		resource.Compare(before, after), resource.Compare(empty, after), resource.Compare(after, empty),
		resource.Compare(before, odd), resource.Compare(odd, before), resource.Compare(empty, odd),
	} {
		if text := renderings(t, d); strings.Contains(text, "topsecret") || strings.Contains(text, "unchanged") {
			t.Errorf("a secret is shown:\n%s", text)
		}
	}
	d := resource.Compare(before, after)
	var paths []string
	for _, f := range d.Objects[0].Fields {
		paths = append(paths, fmt.Sprintf("%s %s", f.Path, f.New))
	}
	for _, f := range d.Objects[1].Fields {
		paths = append(paths, fmt.Sprintf("%s %s", f.Path, f.New))
	}
	want := []string{
		"secretGenerator *** (after)", "data.more ***", "data.password *** (after)",
		`metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] *** (after)`, "stringData.text *** (after)",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}

func TestUnified(t *testing.T) {
	t.Parallel()
	d := resource.Compare(
		read(t, "deploy/web.yaml", deployment+object("B", "old", "1")),
		read(t, "deploy/web.yaml", strings.Replace(deployment, "nginx:1", "nginx:2", 1)))
	var got strings.Builder
	if err := d.Unified(&got); err != nil {
		t.Fatal(err)
	}
	const want = `removed B/old
--- deploy/web.yaml:16
+++ /dev/null
@@ -1,5 +0,0 @@
-apiVersion: v1
-kind: B
-metadata:
-  name: old
-value: 1

changed Deployment/shop/web
  spec.template.spec.containers[web].image
--- deploy/web.yaml:1
+++ deploy/web.yaml:1
@@ -17,7 +17,7 @@
           value: "1"
         - name: B
           value: "2"
-        image: nginx:1
+        image: nginx:2
         name: web
         ports:
         - containerPort: 80
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

// What an object holds breaks out of no table and no fence, and sends nothing to a terminal.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	evil := object("A", "'a|b`c'", `"x"`)
	d := resource.Compare(read(t, "a.yaml", evil), read(t, "a.yaml", strings.Replace(evil, `"x"`, "\"\\e[2J\\n```\\n# owned\"", 1)))
	var got strings.Builder
	if err := d.Markdown(&got); err != nil {
		t.Fatal(err)
	}
	const want = "**1 changed**\n\n| change | what | fields |\n|---|---|---|\n| changed | `` A/a\\|b`c `` | ` value ` |\n\n" +
		"````diff\n# changed A/a|b`c\n--- a.yaml:2\n+++ a.yaml:2\n@@ -2,4 +2,4 @@\n kind: A\n metadata:\n   name: a|b`c\n" +
		"-value: x\n+value: \"\\e[2J\\n```\\n# owned\"\n````\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}
