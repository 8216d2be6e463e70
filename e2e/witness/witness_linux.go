// Package witness watches processes end that are not children of the test: those of a testbed, or of a program under test.
// It holds on to them through file descriptors, so that a process number used anew deceives nobody.
package witness

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Process is a process that ran when Naming looked.
type Process struct {
	Name string // of its program, without folders
	fd   int
}

// Naming returns the processes whose command line mentions a text, such as a folder that is the test's alone.
func Naming(t testing.TB, text string) []Process {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []Process
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(content, []byte(text)) {
			continue // it has ended, or is another
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
		found = append(found, Process{Name: filepath.Base(string(program)), fd: fd})
	}
	return found
}

// Ended reports whether the process has ended by now.
func (p Process) Ended(t testing.TB) bool {
	t.Helper()
	return p.poll(t, 0)
}

// Wait returns when the process has ended.
func (p Process) Wait(t testing.TB) {
	t.Helper()
	p.poll(t, -1)
}

// Kill ends the process, as the kernel does when memory runs out.
func (p Process) Kill(t testing.TB) {
	t.Helper()
	if err := unix.PidfdSendSignal(p.fd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
}

func (p Process) poll(t testing.TB, timeout int) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, timeout)
		if err == nil {
			return n == 1
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}
