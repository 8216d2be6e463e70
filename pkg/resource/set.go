package resource

import (
	"fmt"
	"io"
	"path"
	"strings"
)

const (
	// MaxFile is the size in bytes above which no file is read.
	MaxFile = 64 << 20
	// MaxDocument is the size in bytes above which no document in a file is read; an API server takes no more than 3 MiB. The worst one
	// takes about 1 GiB of memory while it is read.
	MaxDocument = 4 << 20
)

// Set is what a number of files hold. The zero value is empty.
type Set struct {
	Objects []Object
	Others  []string // files with something else than objects in them, as values of a chart; also with objects beside it

	weight int64
}

// IsResource tells by its name whether a file may hold objects.
func IsResource(file string) bool {
	switch strings.ToLower(path.Ext(file)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// Read adds what r holds, in the order of the file. What r holds is taken for a file of this name. An error is an [*Error], unless it
// is r's, and leaves the set as it was.
func (s *Set) Read(file string, r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", printable(file), err)
	}
	if len(text) > MaxFile {
		return &Error{File: file, Err: limited(MaxFile, "bytes")}
	}
	in := &reading{file: file, left: maxWeight - s.weight}
	var found []Object
	other := false
	for d := range documents(text) {
		objects, odd, err := in.document(d)
		if err != nil {
			return err
		}
		found, other = append(found, objects...), other || odd
	}
	s.Objects, s.weight = append(s.Objects, found...), maxWeight-in.left
	if other {
		s.Others = append(s.Others, file)
	}
	return nil
}

func (r *reading) document(d document) (found []Object, other bool, err error) {
	if len(d.text) > MaxDocument {
		return nil, false, &Error{r.file, d.line, fmt.Errorf("a document of %w", limited(MaxDocument, "bytes"))}
	}
	nodes, err := d.parse(r.file)
	if err != nil {
		return nil, false, err
	}
	r.before = d.line - 1
	allowed := min(r.left, d.allowed())
	rest := r.left - allowed
	r.left = allowed
	defer func() { r.left += rest }()
	for _, n := range nodes {
		objects, odd, err := r.objects(n)
		if err != nil {
			return nil, false, err
		}
		found, other = append(found, objects...), other || odd
	}
	return found, other, nil
}
