package resource

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// parse gives the documents in d: one, unless YAML's end of a document or JSON's lets others follow. Lines of nodes count from the
// beginning of the document.
func (d document) parse(file string) ([]*yaml.Node, error) {
	if looksLikeJSON(d.text) {
		if nodes, err := d.parseJSON(); err == nil || strings.HasSuffix(file, ".json") {
			return nodes, d.blame(file, err)
		}
	}
	if directives(d.text) > maxDirectives {
		return nil, &Error{file, d.line, limited(maxDirectives, "directives")}
	}
	var nodes []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(d.text)); ; {
		var n yaml.Node
		switch err := decoder.Decode(&n); {
		case errors.Is(err, io.EOF):
			return nodes, nil
		case err != nil:
			return nil, d.explain(file, err)
		}
		nodes = append(nodes, &n)
	}
}

// maxDirectives bounds what the parser goes through for each one again.
const maxDirectives = 100

func directives(text []byte) int {
	return bytes.Count(text, []byte("\n%")) + bytes.Count(text, []byte("\r%"))
}

func looksLikeJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[')
}

// blame says where in the file an error of the document's is.
func (d document) blame(file string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{file, d.line + e.Line - 1, e.Err}
	}
	return &Error{file, d.line, err}
}

// A key without a colon is noticed in the line after it.
const noColon = "could not find expected ':'"

// explain finds the line that is to blame. The parser that keeps lines of nodes names the line where the broken mapping, or key, begins;
// the older one, which kubectl uses, the line of the problem.
func (d document) explain(file string, err error) error {
	var ignored any
	if other := sigsyaml.Unmarshal(d.text, &ignored); other != nil && !strings.HasSuffix(err.Error(), noColon) {
		if _, problem := locate(other.Error()); problem != "" {
			err = other
		}
	}
	line, problem := locate(err.Error())
	if problem == "" {
		return &Error{file, d.line, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	line = min(line, d.lines()) // at its end the parser is a line further
	return &Error{file, d.line + line - 1, errors.New(problem)}
}

// locate takes line, from 1, and text from a message of a YAML parser. Without either the text is empty.
func locate(message string) (line int, problem string) {
	m := regexp.MustCompile(`(?s)yaml: line (\d+): (.*)$`).FindStringSubmatch(message)
	if m == nil {
		if _, problem, ok := strings.Cut(message, "yaml: "); ok {
			return 1, problem // lines are only named from the second on
		}
		return 0, ""
	}
	line, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, ""
	}
	if strings.HasPrefix(m[2], "did not find expected ") {
		line++ // these count from 0
	}
	return line, m[2]
}
