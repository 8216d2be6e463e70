package resource

import (
	"fmt"
	"strconv"
)

// Error says what is wrong in a file, and where.
type Error struct {
	File string
	Line int // from 1; 0 where no line is to blame
	Err  error
}

func (e *Error) Error() string { return place(e.File, e.Line) + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// place is how editors and people look a line up.
func place(file string, line int) string {
	file = printable(file)
	if line == 0 {
		return file
	}
	return file + ":" + strconv.Itoa(line)
}

// printable is a name as it is where that does no harm on a terminal, or quoted.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

func limited(limit int64, unit string) error { return fmt.Errorf("more than %d %s", limit, unit) }
