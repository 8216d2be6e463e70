package node

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const lastLines = 15

// keepLogs prints the end of every program's log: the files are gone when Run returns.
func keepLogs(dir string, to io.Writer) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
		lines = lines[max(0, len(lines)-lastLines):]
		fmt.Fprintf(to, "--- the end of %s\n%s\n", filepath.Base(file), bytes.Join(lines, []byte("\n")))
	}
}
