package build_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// What is only found where the plugin is built for a system, is found here: without the minutes that compiling all
// they need takes, since of others' code only declarations are read.
func TestProgramsForOtherSystems(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, system := range []string{"windows", "darwin"} {
		loaded, err := packages.Load(&packages.Config{
			Mode:      packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo,
			Dir:       root,
			Env:       append(os.Environ(), "GOOS="+system, "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly"),
			ParseFile: declarationsOutside(root),
		}, build.PluginPackage)
		if err != nil {
			t.Fatal(err)
		}
		packages.Visit(loaded, nil, func(p *packages.Package) {
			for _, err := range p.Errors {
				if strings.HasPrefix(p.PkgPath, "github.com/kubectl-oci/") {
					t.Errorf("%s: %v", system, err)
				}
			}
		})
	}
}

// declarationsOutside reads files, without the bodies of functions in those that are not below root.
func declarationsOutside(root string) func(*token.FileSet, string, []byte) (*ast.File, error) {
	return func(set *token.FileSet, name string, content []byte) (*ast.File, error) {
		file, err := parser.ParseFile(set, name, content, parser.SkipObjectResolution)
		if file == nil || strings.HasPrefix(name, root+string(filepath.Separator)) {
			return file, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				f.Body = nil
			}
		}
		return file, err
	}
}
