package archive

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// root is the entry that stands for the folder itself.
const root = "."

// cleanName returns the one way to write an entry's name, or says why no consumer should see it. The rules on "\" and "../"
// are those of Flux's kustomize-controller, which gives up on an archive that breaks them.
func cleanName(name string, limits Limits) (string, error) {
	switch {
	case len(name) > limits.Path:
		return "", fmt.Errorf("entry %.64q…: %w", name, &LimitError{int64(limits.Path), pathBytes})
	case name == "":
		return "", fmt.Errorf("entry %q: no name", name)
	case strings.HasPrefix(name, "/"):
		return "", fmt.Errorf("entry %q: absolute path", name)
	case strings.ContainsAny(name, "\\\x00"):
		return "", fmt.Errorf("entry %q: backslash or NUL in the name", name)
	case strings.Contains(name+"/", "../"):
		return "", fmt.Errorf("entry %q: \"..\" at the end of a path element", name)
	}
	return path.Clean(name), nil
}

// packName checks a name that is to be written: it must be one that every reader accepts and shows alike.
func packName(name string, limits Limits) error {
	if !utf8.ValidString(name) {
		return fmt.Errorf("entry %q: name is not UTF-8", name)
	}
	_, err := cleanName(name, limits)
	return err
}
