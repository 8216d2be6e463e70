package artifact

import "fmt"

// MaxValues is how many JSON values a manifest or an index may hold. One of 4 MiB could hold a million empty descriptors, for which a reader
// spends a hundred times the memory.
const MaxValues = 50_000

// Values counts about how many values a JSON text has, before memory is spent on them: never less than there are in lists and objects.
func Values(text []byte) int {
	n, quoted, escaped := 1, false, false
	for _, b := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && b == '\\':
			escaped = true
		case b == '"':
			quoted = !quoted
		case !quoted && (b == ',' || b == '[' || b == '{'):
			n++
		}
	}
	return n
}

// checkSize tells what may be decoded.
func checkSize(raw []byte) error {
	if len(raw) > MaxManifest {
		return fmt.Errorf("more than %d bytes", MaxManifest)
	}
	if Values(raw) > MaxValues {
		return fmt.Errorf("more than %d values", MaxValues)
	}
	return nil
}
