package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newReferenceCommand writes the pages of docs/cli/. It is part of the program, and hidden, since nothing else can import the commands; what it
// writes depends on them alone.
func newReferenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "reference FOLDER",
		Short:  "Write a page for each command, and an index",
		Hidden: true,
		Args:   exactArgs("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeReference(cmd.Root(), args[0])
		},
	}
}

func writeReference(root *cobra.Command, folder string) error {
	var index strings.Builder
	index.WriteString("# Commands\n\n" + generated + "\n\n" + root.Long + "\n\n| command | what it does |\n|---|---|\n")
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() && cmd.Name() != "help" {
			continue
		}
		name := cmd.Name() + ".md"
		fmt.Fprintf(&index, "| [%s](%s) | %s |\n", cmd.CommandPath(), name, cell(cmd.Short))
		if err := os.WriteFile(filepath.Join(folder, name), []byte(page(cmd)), 0o644); err != nil {
			return err
		}
	}
	index.WriteString("\n" + commonCodes + "\n")
	return os.WriteFile(filepath.Join(folder, "README.md"), []byte(index.String()), 0o644)
}

const generated = "<!-- Written by make generate from what the commands say of themselves. -->"

// commonCodes are the exit codes that no command has to mention.
const commonCodes = `Every command exits with 0 on success, with 1 on an error, which is on standard error with a hint what to type, and with 130 when it was
interrupted. Where 1 is an answer, as with diff, errors exit with 2: the command's page says so.`

// page is what --help says of a command, in Markdown.
func page(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n%s\n\n    %s\n\n%s\n", cmd.CommandPath(), generated, cmd.Short+".", cmd.UseLine(), cmd.Long)
	fmt.Fprintf(&b, "\n## Examples\n\n```sh\n%s\n```\n\n## Flags\n\n| flag | meaning |\n|---|---|\n", unindented(cmd.Example))
	row := func(flag *pflag.Flag) {
		if !flag.Hidden {
			b.WriteString(flagRow(flag))
		}
	}
	cmd.LocalFlags().VisitAll(row)
	cmd.InheritedFlags().VisitAll(row)
	fmt.Fprintf(&b, "\n## Exit codes\n\n%s With 130 when it was interrupted.\n", exitCodes(cmd))
	return b.String()
}

func unindented(text string) string {
	return regexp.MustCompile(`(?m)^  `).ReplaceAllString(text, "")
}

func flagRow(flag *pflag.Flag) string {
	kind, usage := pflag.UnquoteUsage(flag)
	names := "--" + flag.Name
	if flag.Shorthand != "" {
		names = "-" + flag.Shorthand + ", " + names
	}
	if kind != "" {
		names += " " + kind
	}
	if d := flag.DefValue; kind != "" && d != "" && d != "[]" && d != "0" && d != "0s" || flag.Value.Type() == "bool" && d == "true" {
		usage += " (default " + d + ")"
	}
	return fmt.Sprintf("| `%s` | %s |\n", names, cell(usage))
}

// cell is a text as a table takes it.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`).Replace(text)
}

// exitCodes is what a command's help says of them, or what holds for all.
func exitCodes(cmd *cobra.Command) string {
	if said := regexp.MustCompile(`Exits with [^\n]+(\n[^\n]+)*`).FindString(cmd.Long); said != "" {
		return said
	}
	return "Exits with 0 on success, and with 1 on an error."
}
