package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every row says why, once and for itself.
func TestTableIsReasoned(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, theme := range table() {
		for _, w := range theme.rows {
			if w.because == "" || seen[w.name] {
				t.Errorf("%s: no reason, or another row of this name", w.name)
			}
			seen[w.name] = true
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d rows", len(seen))
	}
}

// Between these lines of the page, the rows speak that tell of source-controller.
const (
	begin = "<!-- begin: written by go -C e2e test ./agent -run TablesPage -args -update -->\n"
	end   = "<!-- end -->\n"
)

// The page on compatibility tells of each row in which source-controller does otherwise.
func TestTablesPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(root, "docs", "flux-compatibility.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	written, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no lines %q and %q", path, begin, end)
	}
	want := differences()
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("%s is out of date (-want +got):\n%s", path, diff)
	}
}

func differences() string {
	var b strings.Builder
	fmt.Fprintln(&b, "\n| what | here | source-controller |\n|---|---|---|")
	for _, theme := range table() {
		for _, w := range theme.rows {
			if w.flux != "" {
				fmt.Fprintf(&b, "| %s | %s: %s | %s |\n", w.name, w.outcome(), w.because, w.flux)
			}
		}
	}
	fmt.Fprintln(&b)
	return b.String()
}

// outcome says in a word what becomes of the object.
func (w row) outcome() string {
	if conditions := strings.Join(w.want.conditions, " "); strings.Contains(conditions, "Stalled") {
		return "Stalled"
	} else if strings.Contains(conditions, "Ready=False") {
		return "refused"
	}
	return "Ready"
}
