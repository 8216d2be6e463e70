// Package manual follows a page of the documentation to the letter: each of its blocks marked sh is run by bash, in order and in one folder,
// and a block marked text has to be among what the one before it printed, with anything in place of an ellipsis.
//
//	reader := manual.Reader{Dir: t.TempDir(), Names: strings.NewReplacer("registry.example.com", host)}
//	reader.Follow(t, manual.Blocks(page))
package manual

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Block of a page.
type Block struct {
	Printed bool // what is printed, and not what is typed
	Text    string
}

var block = regexp.MustCompile("(?ms)^```(sh|text)\n(.*?)^```$")

// Blocks of a page, those of other kinds left out.
func Blocks(page string) []Block {
	var found []Block
	for _, match := range block.FindAllStringSubmatch(page, -1) {
		found = append(found, Block{Printed: match[1] == "text", Text: match[2]})
	}
	return found
}

// Reader of a page.
type Reader struct {
	Dir   string            // where commands run; their home, too
	Env   []string          // beside the test's own
	Names *strings.Replacer // what is there in place of what the text names; nil: all of that
}

// Follow reads a page. A block that fails is an error, and the next one is run.
func (r Reader) Follow(t *testing.T, page []Block) {
	t.Helper()
	var printed string
	for _, b := range page {
		if !b.Printed {
			printed = r.Run(t, b.Text)
			continue
		}
		want := r.here(b.Text)
		if !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*")).MatchString(printed) {
			t.Errorf("want\n%s\ngot\n%s", want, printed)
		}
	}
}

// A command that is to fail, after an exclamation mark, comes last in its block: bash does not mind any other.
var unminded = regexp.MustCompile(`(?m)^! .*\n.`)

// Run gives what a script prints, on standard output and standard error.
func (r Reader) Run(t *testing.T, script string) string {
	t.Helper()
	if unminded.MatchString(script) {
		t.Errorf("more follows what has to fail:\n%s", script)
	}
	script = r.here(script)
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = r.Dir
	cmd.Env = append(append(os.Environ(), "HOME="+r.Dir), r.Env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

func (r Reader) here(text string) string {
	if r.Names == nil {
		return text
	}
	return r.Names.Replace(text)
}
