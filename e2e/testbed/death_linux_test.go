package testbed_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// death of a process, to look at or wait for, whoever its parent is.
type death struct {
	name string
	pid  int
	fd   int
}

// childrenNaming returns the processes whose command line mentions a folder.
func childrenNaming(t *testing.T, dir string) []death {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []death
	for _, file := range lines {
		content, err := os.ReadFile(file) // fails for one that has just ended
		if err != nil || !bytes.Contains(content, []byte(dir)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		program, _, _ := bytes.Cut(content, []byte{0})
		found = append(found, death{name: filepath.Base(string(program)), pid: pid, fd: fd})
	}
	return found
}

// happened does not wait.
func (d death) happened(t *testing.T) bool {
	t.Helper()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

func (d death) kill(t *testing.T) {
	t.Helper()
	if err := unix.PidfdSendSignal(d.fd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
}
