package resource

import (
	"bytes"
	"iter"
)

// document is a piece of a file, and the line in which it begins, from 1.
type document struct {
	text []byte
	line int
}

// lines is the number of lines in the document, blank ones at its end not counted.
func (d document) lines() int {
	return bytes.Count(bytes.TrimRight(d.text, " \t\r\n"), []byte("\n")) + 1
}

// documents splits a file where a line begins with ---, which YAML has in no scalar. What comes before such a line and holds nothing but
// directives, comments and blanks stays with the document that follows.
func documents(text []byte) iter.Seq[document] {
	return func(yield func(document) bool) {
		current := document{line: 1}
		start, line, empty := 0, 0, true
		for at := 0; at < len(text); {
			end := len(text)
			if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			row := text[at:end]
			line++
			switch {
			case isSeparator(row) && !empty:
				current.text = text[start:at]
				if !yield(current) {
					return
				}
				start, current = at, document{line: line}
				empty = isBlank(row[3:])
			case isSeparator(row):
				empty = isBlank(row[3:])
			default:
				empty = empty && isBlank(row)
			}
			at = end
		}
		if current.text = text[start:]; !empty {
			yield(current)
		}
	}
}

func isSeparator(row []byte) bool {
	return bytes.HasPrefix(row, []byte("---")) && (len(row) == 3 || bytes.IndexByte([]byte(" \t\r\n"), row[3]) >= 0)
}

func isBlank(row []byte) bool {
	row = bytes.TrimSpace(bytes.TrimPrefix(row, []byte("\ufeff")))
	return len(row) == 0 || row[0] == '#' || row[0] == '%'
}
