package flux_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-tools/pkg/crd"
	crdmarkers "sigs.k8s.io/controller-tools/pkg/crd/markers"
	"sigs.k8s.io/controller-tools/pkg/loader"
	"sigs.k8s.io/controller-tools/pkg/markers"
	"sigs.k8s.io/yaml"
)

// Packages of Flux's API, in the versions that go.mod says, and what is looked up in them.
const (
	sources        = "github.com/fluxcd/source-controller/api/v1"
	olderSources   = "github.com/fluxcd/source-controller/api/v1beta2"
	kustomizations = "github.com/fluxcd/kustomize-controller/api/v1"

	sourcesGroup   = "source.toolkit.fluxcd.io"
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	ociRepository  = "OCIRepository"
)

// generator does with Flux's API packages what the program controller-gen does.
type generator struct {
	*crd.Parser
	packages map[string]*loader.Package
}

func newGenerator() (*generator, error) {
	roots, err := loader.LoadRoots(sources, olderSources, kustomizations)
	if err != nil {
		return nil, fmt.Errorf("load Flux's API: %w", err)
	}
	registry := &markers.Registry{}
	if err := crdmarkers.Register(registry); err != nil {
		return nil, err
	}
	g := &generator{packages: map[string]*loader.Package{}, Parser: &crd.Parser{
		Collector: &markers.Collector{Registry: registry},
		Checker:   &loader.TypeChecker{NodeFilters: []loader.NodeFilter{crd.Generator{}.CheckFilter()}},
	}}
	crd.AddKnownTypes(g.Parser)
	for _, root := range roots {
		if len(root.Errors) > 0 {
			return nil, fmt.Errorf("load %s: %w", root.PkgPath, root.Errors[0])
		}
		g.packages[root.PkgPath] = root
		g.NeedPackage(root)
	}
	return g, nil
}

// definition of a kind, as a release has it.
func (g *generator) definition(group, kind string) *apiextensionsv1.CustomResourceDefinition {
	name := schema.GroupKind{Group: group, Kind: kind}
	g.NeedCRDFor(name, nil)
	d := g.CustomResourceDefinitions[name]
	d.Status = apiextensionsv1.CustomResourceDefinitionStatus{}
	return &d
}

// schema of a type, also of one that no release serves any more.
func (g *generator) schema(path, kind string) *apiextensionsv1.JSONSchemaProps {
	name := crd.TypeIdent{Package: g.packages[path], Name: kind}
	g.NeedFlattenedSchemaFor(name)
	s := g.FlattenedSchemata[name]
	return &s
}

// shippedDefinition is ours.
func shippedDefinition() (*apiextensionsv1.CustomResourceDefinition, error) {
	raw, err := os.ReadFile(filepath.Join(root, "manifests", "crd", "source.toolkit.fluxcd.io_ocirepositories.yaml"))
	if err != nil {
		return nil, err
	}
	d := &apiextensionsv1.CustomResourceDefinition{}
	return d, yaml.UnmarshalStrict(raw, d)
}

// stub lets Flux's controllers start, which watch all kinds of sources. Nobody makes objects of it.
func stub(kind, plural string) *apiextensionsv1.CustomResourceDefinition {
	anything := &apiextensionsv1.CustomResourceValidation{
		OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: new(true)},
	}
	return &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + sourcesGroup},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: sourcesGroup, Scope: apiextensionsv1.NamespaceScoped,
			Names:    apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, ListKind: kind + "List", Plural: plural, Singular: strings.ToLower(kind)},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true, Schema: anything}},
		},
	}
}

// define makes or changes definitions and waits until they are served.
func (c *cluster) define(ctx context.Context, definitions ...*apiextensionsv1.CustomResourceDefinition) error {
	var text strings.Builder
	wait := []string{"wait", "--for=condition=Established", "--timeout=60s"}
	for _, d := range definitions {
		raw, err := yaml.Marshal(d)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "---\n%s", raw)
		wait = append(wait, "crd/"+d.Name)
	}
	if _, err := c.kubectl(ctx, text.String(), "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		return err
	}
	_, err := c.kubectl(ctx, "", wait...)
	return err
}
