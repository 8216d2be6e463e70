package flux_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
)

// difference is one that is meant.
type difference struct {
	rule       string // of which field of which version
	ours, flux string // empty: there is none
	why        string
}

// address is what our definition demands of spec.url.
const address = `"^(oci://.*|[^:/]+(:[0-9]+)?/.*)$"`

const expressions = `[{"message":"spec.url is required","rule":"has(self.spec) && has(self.spec.url)"},` +
	`{"message":"spec.interval is required","rule":"has(self.spec) && has(self.spec.interval)"}]`

// differences of our definition from the one that Flux's API package generates, of source-controller 1.9. The documentation has the
// same table.
var differences = []difference{
	{"v1 spec.url pattern", address, `"^oci://.*$"`, "the prefix may be left out, as wherever else an image or artifact is named"},
	{"v1beta2 spec.url pattern", address, `"^oci://.*$"`, "as in v1"},
	{"v1beta2 served", "true", "false", "Flux served it until 2.7; the RFC's examples and many people's files are written in it"},
	{"v1beta2 status.contentConfigChecksum type", "", `"string"`, "nobody has written it since `observedIgnore` and `observedLayerSelector` took its place"},
}

// newer is what comes to that with source-controller 1.10, which knows v1 alone.
var newer = []difference{
	{"v1 spec.provider default", `"generic"`, "", "no provider means `generic` to the agent too"},
	{"v1 spec.timeout default", `"60s"`, "", "no timeout means 60s to the agent too"},
	{"v1 spec required", `["interval","url"]`, "", "Flux demands both by an expression each"},
	{"v1 x-kubernetes-validations", "", expressions, "as above"},
	{"v1 status.sourceVerificationFingerprint type", "", `"string"`, "says by which keys source-controller verified; the agent leaves it alone"},
}

// Whatever Flux's users have written for its definition is accepted by ours, and read the same way: every difference is a known one.
func TestSchema(t *testing.T) {
	t.Parallel()
	ours, err := shippedDefinition()
	if err != nil {
		t.Fatal(err)
	}
	theirs := flux.Definition(fluxcd.SourcesGroup, fluxcd.OCIRepository).DeepCopy()
	older := *theirs.Spec.Versions[0].DeepCopy() // its columns were the same
	older.Name, older.Storage, older.Served = "v1beta2", false, false
	older.Schema.OpenAPIV3Schema = flux.Schema(fluxcd.OlderSources, fluxcd.OCIRepository)
	theirs.Spec.Versions = append(theirs.Spec.Versions, older)
	compare(t, ours, theirs, differences)
}

// The newest release of Flux reads what ours does as well.
func TestNewestSchema(t *testing.T) {
	t.Parallel()
	ours, err := shippedDefinition()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := releasedDefinition(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	ours.Spec.Versions = slices.DeleteFunc(ours.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name != "v1" })
	want := slices.DeleteFunc(slices.Clone(differences), func(d difference) bool { return !strings.HasPrefix(d.rule, "v1 ") })
	compare(t, ours, theirs, append(want, newer...))
}

// compare fails where two definitions differ in another way than expected.
func compare(t *testing.T, ours, theirs *apiextensionsv1.CustomResourceDefinition, want []difference) {
	t.Helper()
	left, right := flatten(t, ours), flatten(t, theirs)
	rules := maps.Clone(left)
	maps.Copy(rules, right)
	found := map[string]difference{}
	for rule := range rules {
		if left[rule] != right[rule] {
			found[rule] = difference{rule: rule, ours: left[rule], flux: right[rule]}
		}
	}
	expected := map[string]difference{}
	for _, d := range want {
		d.why = ""
		expected[d.rule] = d
	}
	if diff := cmp.Diff(expected, found, cmp.AllowUnexported(difference{})); diff != "" {
		t.Errorf("differences (-on the list +found):\n%s", diff)
	}
}

// flatten is what a definition says, descriptions aside, a line for each rule of each field of each version.
func flatten(t *testing.T, d *apiextensionsv1.CustomResourceDefinition) map[string]string {
	t.Helper()
	lines := map[string]string{}
	add := func(where string, what any) {
		var text strings.Builder
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(what); err != nil {
			t.Fatal(err)
		}
		lines[where] = strings.TrimSpace(text.String())
	}
	add("names", d.Spec.Names)
	add("scope", d.Spec.Scope)
	add("converted", d.Spec.Conversion != nil && d.Spec.Conversion.Strategy != apiextensionsv1.NoneConverter)
	delete(d.Annotations, "controller-gen.kubebuilder.io/version")
	add("annotations", d.Annotations)
	for _, v := range d.Spec.Versions {
		add(v.Name+" columns", v.AdditionalPrinterColumns)
		add(v.Name+" subresources", v.Subresources)
		add(v.Name+" served", v.Served)
		add(v.Name+" stored", v.Storage)
		flattenSchema(v.Name, *v.Schema.OpenAPIV3Schema, add)
	}
	return lines
}

func flattenSchema(path string, s apiextensionsv1.JSONSchemaProps, add func(string, any)) {
	for name, field := range s.Properties {
		separator := "."
		if !strings.Contains(path, " ") {
			separator = " "
		}
		flattenSchema(path+separator+name, field, add)
	}
	if s.Items != nil {
		flattenSchema(path+"[]", *s.Items.Schema, add)
	}
	if s.AdditionalProperties != nil {
		flattenSchema(path+".*", *s.AdditionalProperties.Schema, add)
	}
	slices.Sort(s.Required)
	s.XValidations = slices.DeleteFunc(slices.Clone(s.XValidations), func(v apiextensionsv1.ValidationRule) bool {
		return v.Rule == "self.matches('"+strings.ReplaceAll(s.Pattern, `\.`, "[.]")+"')" // the pattern once more, with a message for people
	})
	s.Properties, s.Items, s.AdditionalProperties, s.Description = nil, nil, nil, ""
	raw, err := json.Marshal(s)
	rules := map[string]any{}
	if err == nil {
		err = json.Unmarshal(raw, &rules)
	}
	if err != nil {
		add(path+" error", err.Error())
	}
	for rule, value := range rules {
		add(path+" "+rule, value)
	}
}

// The documentation has each difference with its reason.
func TestDifferencesAreDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(root, "docs", "flux-compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range slices.Concat(differences, newer) {
		if row := fmt.Sprintf("| `%s` | %s | %s | %s |\n", d.rule, code(d.ours), code(d.flux), d.why); !strings.Contains(string(raw), row) {
			t.Errorf("docs/flux-compatibility.md does not say\n%s", row)
		}
	}
}

func code(rule string) string {
	if rule == "" {
		return "none"
	}
	return "`" + strings.ReplaceAll(rule, "|", `\|`) + "`"
}
