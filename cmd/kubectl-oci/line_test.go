package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// wrongLines say for each command what it answers to no argument at all, and to more than it takes; empty where it takes that. Each
// answer is an error and a line that says what to type, and nothing is read or asked before.
var wrongLines = map[string]struct{ none, more string }{
	"admission":  {"POLICY.yaml is missing", `a b: unexpected argument "b"`},
	"attest":     {"REFERENCE is missing", `a b: unexpected argument "b"`},
	"build":      {"nothing to pack: name a folder or a file with -f", `a: unexpected argument "a"`},
	"completion": {"SHELL is missing: one of bash, zsh, fish, powershell", `bash b: unexpected argument "b"`},
	"copy":       {"SOURCE is missing", `a b c: unexpected argument "c"`},
	"create":     {"NAME is missing", `a b: unexpected argument "b"`},
	"diff":       {"FROM is missing", `a b c: unexpected argument "c"`},
	"explain":    {"NAME is missing: name an object of the cluster, or a file with -f", `a b: unexpected argument "b"`},
	"export":     {"NAME is missing: name objects, or all of them with --all", ""},
	"get":        {"", ""},
	"help":       {"", `psh: unknown command "psh": did you mean push?`},
	"inspect":    {"REFERENCE is missing", `a b: unexpected argument "b"`},
	"install":    {"", `a: unexpected argument "a"`},
	"keygen":     {"", `a: unexpected argument "a"`},
	"list":       {"REPOSITORY is missing", `a b: unexpected argument "b"`},
	"login":      {"REGISTRY is missing", `a b: unexpected argument "b"`},
	"logout":     {"REGISTRY is missing", `a b: unexpected argument "b"`},
	"migrate":    {"NAME is missing", `a b c: unexpected argument "c"`},
	"promote":    {"SOURCE is missing", `a b c: unexpected argument "c"`},
	"pull":       {"REFERENCE is missing", `a b: unexpected argument "b": a folder goes with --to`},
	"push":       {"REFERENCE is missing", `a b: unexpected argument "b": a folder goes with -f`},
	"reconcile":  {"NAME is missing: name objects, or all of them with --all", ""},
	"resume":     {"NAME is missing: name objects, or all of them with --all", ""},
	"sign":       {"REFERENCE is missing", `a b: unexpected argument "b"`},
	"suspend":    {"NAME is missing: name objects, or all of them with --all", ""},
	"tag":        {"REFERENCE is missing", ""},
	"uninstall":  {"", `a: unexpected argument "a"`},
	"update":     {"PATH is missing", ""},
	"verify":     {"REFERENCE is missing", `a b: unexpected argument "b"`},
	"version":    {"", `a: unexpected argument "a"`},
}

func TestWrongLines(t *testing.T) {
	t.Parallel()
	for _, cmd := range commands() {
		want, ok := wrongLines[cmd.Name()]
		if !ok {
			t.Errorf("%s: nothing says what it answers to a wrong line", cmd.Name())
			continue
		}
		if want.none != "" {
			checkWrong(t, cmd, "", want.none)
		}
		if line, message, ok := strings.Cut(want.more, ": "); ok {
			checkWrong(t, cmd, line, message)
		}
		checkWrong(t, cmd, "--bogus", "unknown flag: --bogus")
		checkWrong(t, cmd, "-%", "unknown shorthand flag: '%' in -%")
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.NoOptDefVal == "" {
				checkWrong(t, cmd, "--"+flag.Name, "flag needs an argument: --"+flag.Name)
			}
			if flag.Value.Type() == "bool" {
				checkWrong(t, cmd, "--"+flag.Name+"=perhaps", "--"+flag.Name+` "perhaps" is neither true nor false`)
			}
		})
	}
}

// A first word that is no command, or nearly one.
func TestUnknownCommands(t *testing.T) {
	t.Parallel()
	root := newRootCommand(genericiooptions.NewTestIOStreamsDiscard())
	for line, want := range map[string]string{
		"psh x":          `unknown command "psh": did you mean push?`,
		"pul":            `unknown command "pul": did you mean pull or push?`,
		"something":      `unknown command "something"`,
		"--bogus":        "unknown flag: --bogus",
		"--bogus push x": "unknown flag: --bogus",
	} {
		checkWrong(t, root, line, want)
	}
}

// commands are all but hidden ones.
func commands() []*cobra.Command {
	root := newRootCommand(genericiooptions.NewTestIOStreamsDiscard())
	root.InitDefaultHelpCmd()
	return slices.DeleteFunc(root.Commands(), func(c *cobra.Command) bool { return c.Hidden })
}

// checkWrong runs a command's line.
func checkWrong(t *testing.T, cmd *cobra.Command, line, message string) {
	t.Helper()
	args := strings.Fields(line)
	if cmd.HasParent() {
		args = append([]string{cmd.Name()}, args...)
	}
	var out, errOut bytes.Buffer
	code := execute(t.Context(), args, genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut})
	wantCode := 1
	if cmd.Annotations[failureAnnotation] == "2" {
		wantCode = 2
	}
	want := "error: " + message + "\nhint: " + cmd.CommandPath() + " --help\n"
	if code != wantCode || errOut.String() != want || out.Len() > 0 {
		t.Errorf("%q: exit code %d, want %d\n%s%s\nwant\n%s", args, code, wantCode, out.String(), errOut.String(), want)
	}
}
