package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"golang.org/x/term"
	"sigs.k8s.io/yaml"
)

// format is what --output says, one of the names that a command knows. The first is the default.
type format struct {
	name  string
	known []string
}

func (f *format) addFlag(flags *pflag.FlagSet, known ...string) {
	f.known = known
	flags.StringVarP(&f.name, "output", "o", known[0], "what to print: "+strings.Join(known, ", "))
	offer(flags, "output", known...)
}

func (f *format) validate() error {
	if !slices.Contains(f.known, f.name) {
		return usageError{fmt.Errorf("--output %q is none of %s", f.name, strings.Join(f.known, ", "))}
	}
	return nil
}

// encode writes v where the format is one for programs, and tells whether it is.
func (f *format) encode(w io.Writer, v any) (done bool, err error) {
	switch f.name {
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return true, encoder.Encode(v)
	case "yaml":
		raw, err := yaml.Marshal(v)
		if err == nil {
			_, err = w.Write(raw)
		}
		return true, err
	}
	return false, nil
}

// shown is a text of somebody else's as a person may see it: quoted where it would do harm on a terminal.
func shown(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// colorful tells whether what is written to w is seen by a person who wants colours (https://no-color.org).
func colorful(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// colored gives the lines of a unified diff their colours.
func colored(text string) string {
	const bold, red, green, cyan, reset = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, end := strings.TrimSuffix(line, "\n"), line[len(strings.TrimSuffix(line, "\n")):]
		color := ""
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			color = bold
		case strings.HasPrefix(line, "-"):
			color = red
		case strings.HasPrefix(line, "+"):
			color = green
		case strings.HasPrefix(line, "@@"):
			color = cyan
		}
		if color != "" {
			line = color + line + reset
		}
		b.WriteString(line + end)
	}
	return b.String()
}
