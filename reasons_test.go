package kubectloci_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Whoever looks up the reason of a condition finds what to do.
func TestEveryReasonHasAdvice(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(page), "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		sections[strings.Trim(title, "`")] = text
	}
	well := map[string]bool{"Succeeded": true, "NewArtifact": true} // nothing is to be done
	all := reasons(t)
	for _, reason := range all {
		text, ok := sections[reason]
		if !ok {
			t.Errorf("there is no section %s", reason)
			continue
		}
		for _, part := range []string{"**Cause.**", "**What to do.**", "**Look.**"} {
			if !well[reason] && !strings.Contains(text, part) {
				t.Errorf("%s: no %s", reason, part)
			}
		}
	}
	if len(all) < 15 {
		t.Errorf("only %d reasons were found", len(all))
	}
}

// reasons are the values of the API's constants that are named Reason….
func reasons(t *testing.T) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("pkg", "api", "source", "v1", "condition.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, value)
		return false
	})
	return all
}
