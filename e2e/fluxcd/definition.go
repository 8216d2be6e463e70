// Package fluxcd is what tests need of Flux: the definitions of its kinds, made from the Go modules of its API as its releases have them, and its
// kustomize-controller.
package fluxcd

import (
	"fmt"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-tools/pkg/crd"
	crdmarkers "sigs.k8s.io/controller-tools/pkg/crd/markers"
	"sigs.k8s.io/controller-tools/pkg/loader"
	"sigs.k8s.io/controller-tools/pkg/markers"
)

// What is looked up in Flux's API, in the versions that go.mod says.
const (
	SourcesGroup   = "source.toolkit.fluxcd.io"
	KustomizeGroup = "kustomize.toolkit.fluxcd.io"
	OCIRepository  = "OCIRepository"

	// OlderSources is a package for [Generator.Schema] of which no release serves the version any more.
	OlderSources = "github.com/fluxcd/source-controller/api/v1beta2"

	sources        = "github.com/fluxcd/source-controller/api/v1"
	kustomizations = "github.com/fluxcd/kustomize-controller/api/v1"
)

// Generator does with Flux's API packages what the program controller-gen does.
type Generator struct {
	*crd.Parser
	packages map[string]*loader.Package
}

// New loads the API packages, which takes seconds.
func New() (*Generator, error) {
	roots, err := loader.LoadRoots(sources, OlderSources, kustomizations)
	if err != nil {
		return nil, fmt.Errorf("load Flux's API: %w", err)
	}
	registry := &markers.Registry{}
	if err := crdmarkers.Register(registry); err != nil {
		return nil, err
	}
	g := &Generator{packages: map[string]*loader.Package{}, Parser: &crd.Parser{
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

// Definition of a kind, as a release has it.
func (g *Generator) Definition(group, kind string) *apiextensionsv1.CustomResourceDefinition {
	name := schema.GroupKind{Group: group, Kind: kind}
	g.NeedCRDFor(name, nil)
	d := g.CustomResourceDefinitions[name]
	d.Status = apiextensionsv1.CustomResourceDefinitionStatus{}
	return &d
}

// Schema of a type, also of one that no release serves any more.
func (g *Generator) Schema(path, kind string) *apiextensionsv1.JSONSchemaProps {
	name := crd.TypeIdent{Package: g.packages[path], Name: kind}
	g.NeedFlattenedSchemaFor(name)
	s := g.FlattenedSchemata[name]
	return &s
}

// Stub lets Flux's controllers start, which watch all kinds of sources. Nobody makes objects of it.
func Stub(kind, plural string) *apiextensionsv1.CustomResourceDefinition {
	anything := &apiextensionsv1.CustomResourceValidation{
		OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: new(true)},
	}
	return &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + SourcesGroup},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: SourcesGroup, Scope: apiextensionsv1.NamespaceScoped,
			Names:    apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, ListKind: kind + "List", Plural: plural, Singular: strings.ToLower(kind)},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true, Schema: anything}},
		},
	}
}
