package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTagRule(t *testing.T) {
	t.Parallel()
	tags := []string{
		"v1.0.0", "v1.9.0", "v1.10.0", "1.10.0", "v2.0.0-rc.1", "v2", "latest", "main-9-abc", "main-10-abd", "2024-01-02", "2024-01-10",
		"sha256-" + strings.Repeat("0", 64) + ".sig", "1.11.0_build",
	}
	for name, test := range map[string]struct {
		order, versions, pattern, current string
		lowest                            bool
		want, problem                     string
	}{
		"highest version":              {order: orderSemver, versions: "1.x", want: "1.11.0_build"},
		"the last of equals by name":   {order: orderSemver, versions: "<1.11.0-0", want: "v1.10.0"},
		"or the one that is there":     {order: orderSemver, versions: "<1.11.0-0", current: "1.10.0", want: "1.10.0"},
		"no prerelease unasked":        {order: orderSemver, versions: ">=2.0.0", problem: "none of 13 tags fits semver >=2.0.0"},
		"prerelease":                   {order: orderSemver, versions: ">=2.0.0-0", want: "v2.0.0-rc.1"},
		"version in a match":           {order: orderSemver, versions: "*", pattern: `^v(1\.9\..*)$`, want: "v1.9.0"},
		"numbers, not letters":         {order: orderNumerical, pattern: `^main-([0-9]+)-`, want: "main-10-abd"},
		"the smallest number":          {order: orderNumerical, pattern: `^main-([0-9]+)-`, lowest: true, want: "main-9-abc"},
		"no number":                    {order: orderNumerical, pattern: `^main-(.*)`, problem: `"9-abc" of tag "main-9-abc" is no number`},
		"letters":                      {order: orderAlphabetical, pattern: `^[0-9]{4}-`, want: "2024-01-10"},
		"first letters":                {order: orderAlphabetical, pattern: `^[0-9]{4}-`, lowest: true, want: "2024-01-02"},
		"letters without what matches": {order: orderAlphabetical, pattern: `^main-[0-9]+-(.*)`, want: "main-10-abd"},
		"nothing matches":              {order: orderAlphabetical, pattern: `^x`, problem: "none of 13 tags fits alphabetical ^x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule, err := newTagRule(test.order, test.versions, test.pattern)
			if err != nil {
				t.Fatal(err)
			}
			rule.lowest = test.lowest
			got, err := rule.newest(tags, test.current)
			if got != test.want || (err == nil) != (test.problem == "") || err != nil && err.Error() != test.problem {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestParseMarker(t *testing.T) {
	t.Parallel()
	for comment, want := range map[string]string{
		`{"$imagepolicy": "flux-system:app"}`:        "flux-system:app/",
		`{"$imagepolicy": "flux-system:app:tag"}`:    "flux-system:app/tag",
		`{"$imagepolicy":"ns:app:name"}`:             "ns:app/name",
		`{ "$imagepolicy": "ns:app:digest" } and so`: "ns:app/digest",
		`{"$imagepolicy": "app"}`:                    "error",
		`{"$imagepolicy": "ns:app:size"}`:            "error",
		`kubectl-oci: semver >=1.0.0 <2.0.0`:         "semver >=1.0.0 <2.0.0",
		`kubectl-oci:numerical  ^main-([0-9]+)`:      "numerical ^main-([0-9]+)",
		`kubectl-oci: alphabetical`:                  "alphabetical",
		`kubectl-oci: keep`:                          "keep",
		`kubectl-oci: semver new`:                    "error",
		`kubectl-oci: numerical (`:                   "error",
		`kubectl-oci: newest`:                        "error",
		`kubectl-oci is a tool`:                      "none",
		`{"$setter": "a"}`:                           "none",
		``:                                           "none",
	} {
		got := "none"
		m, err := parseMarker(comment)
		switch {
		case err != nil:
			got = "error"
		case m == nil:
		case m.keep:
			got = "keep"
		case m.rule != nil:
			got = m.rule.text
		default:
			got = m.policy + "/" + m.part
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", comment, got, want)
		}
	}
}

// planOf reads files and tells what becomes of each OCIRepository in them: what it follows, or why nothing.
func planOf(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	r, err := openRewriting([]string{dir}, updateWords(), newReporter(&said))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	objects := r.objects()
	p := &planner{objects: objects, policies: findPolicies(objects)}
	plans := map[string]string{}
	for i := range objects {
		if o := &objects[i]; o.is(groupSource, "OCIRepository") {
			f, err := p.plan(o)
			if err != nil {
				plans[o.ID.String()] = strings.ReplaceAll(err.Error(), dir, "")
				continue
			}
			plans[o.ID.String()] = f.repository.Name() + " " + f.rule.text
		}
	}
	return plans
}

const policyFile = `
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicyList
items:
- metadata: {name: app, namespace: flux}
  kind: ImagePolicy
  spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.x}}}
- metadata: {name: other, namespace: flux}
  kind: ImagePolicy
  spec: {imageRepositoryRef: {name: app, namespace: elsewhere}, filterTags: {pattern: "^a(?P<n>.*)", extract: "$n"}, policy: {alphabetical: {order: desc}}}
- metadata: {name: wrong, namespace: flux}
  kind: ImagePolicy
  spec: {imageRepositoryRef: {name: app}, policy: {numerical: {order: up}}}
---
kind: ImageRepository
metadata: {name: app, namespace: flux}
spec: {image: example.com/org/app}
`

func TestPlan(t *testing.T) {
	t.Parallel()
	object := func(name, spec string) string {
		return "---\nkind: OCIRepository\nmetadata: {name: " + name + "}\nspec:\n" + spec
	}
	got := planOf(t, map[string]string{
		"policy.yaml": policyFile,
		"app.yaml": object("policy", "  url: oci://example.com/org/app\n  ref:\n    tag: v1 # {\"$imagepolicy\": \"flux:app:tag\"}\n") +
			object("other-repository", "  url: oci://example.com/org/web\n  ref:\n    tag: v1 # {\"$imagepolicy\": \"flux:app:tag\"}\n") +
			object("unknown-repository", "  url: oci://example.com/org/web\n  ref:\n    tag: v1 # {\"$imagepolicy\": \"flux:other:tag\"}\n") +
			object("wrong-policy", "  url: oci://example.com/org/app\n  ref:\n    tag: v1 # {\"$imagepolicy\": \"flux:wrong:tag\"}\n") +
			object("told", "  url: oci://example.com/org/app\n  ref:\n    semver: 1.0.0 # kubectl-oci: semver 1.x\n") +
			object("two", "  url: oci://example.com/org/app # kubectl-oci: keep\n  ref:\n    tag: v1 # kubectl-oci: semver 1.x\n") +
			object("tagged", "  url: oci://example.com/org/app:v1\n  ref:\n    tag: v1 # kubectl-oci: semver 1.x\n") +
			object("patch", "  ref:\n    tag: v1 # kubectl-oci: semver 1.x\n") +
			object("alone", "  ref:\n    tag: v1 # kubectl-oci: semver 1.x\n") +
			object("empty", "  url: oci://example.com/org/app\n  ref: {} # kubectl-oci: semver 1.x\n") +
			object("no-ref", "  url: oci://example.com/org/app # kubectl-oci: semver 1.x\n") +
			object("silent", "  url: oci://example.com/org/app\n"),
		"base.yaml": object("patch", "  url: oci://example.com/org/base\n  ref: {tag: v1} # kubectl-oci: semver 2.x\n"),
	})
	want := map[string]string{
		"OCIRepository/policy":             "example.com/org/app ImagePolicy flux/app: semver 1.x",
		"OCIRepository/other-repository":   "its url names example.com/org/web, and its policy is about example.com/org/app",
		"OCIRepository/unknown-repository": "example.com/org/web ImagePolicy flux/other: alphabetical desc ^a(?P<n>.*)",
		"OCIRepository/wrong-policy":       `/policy.yaml:13: ImagePolicy "wrong": spec.policy.numerical.order "up" is neither asc nor desc`,
		"OCIRepository/told":               "example.com/org/app semver 1.x",
		"OCIRepository/two":                "/app.yaml:42: it has two markers: which one counts?",
		"OCIRepository/tagged":             "/app.yaml:47: the url holds a tag or a digest, which belongs into spec.ref",
		"OCIRepository/patch":              "example.com/org/base semver 2.x",
		"OCIRepository/alone":              "it has no url, nor has another of its name in the files",
		"OCIRepository/empty":              "its ref is empty",
		"OCIRepository/no-ref":             "example.com/org/app semver 1.x",
		"OCIRepository/silent":             "no marker and no flag says what it follows",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A file that somebody changes meanwhile is not written, nor is any other.
func TestWriteRefusesWhatChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("kind: OCIRepository\n"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	r, err := openRewriting([]string{dir}, updateWords(), newReporter(&strings.Builder{}))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, f := range r.files {
		if err := f.edits.Documents()[0].Field("kind").Set("Other"); err != nil {
			t.Fatal(err)
		}
	}
	changes, err := r.changes()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.yaml"), []byte("kind: Mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeChanges(changes); err == nil || !strings.Contains(err.Error(), "somebody changed it meanwhile") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a.yaml")); err != nil || string(text) != "kind: OCIRepository\n" {
		t.Errorf("a.yaml is %q, %v", text, err)
	}
}
