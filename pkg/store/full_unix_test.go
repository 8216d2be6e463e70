//go:build unix

package store_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// A real file system refuses to take more: a limit on the size of files stands in for a full disk, which only root could make.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	good := put(t, s, web, "good")
	s.Close()
	before := files(t, dir)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "STORE_TEST_PROCESS=full", "STORE_TEST_DIR="+dir)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(output)), "\n") {
		if want := fmt.Sprintf("put %q: write: %v", web, syscall.EFBIG); line != want {
			t.Errorf("Put = %s, want %s", line, want)
		}
	}
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Error(diff)
	}
	read(t, openStore(t, dir), web, good.Digest)
}

// putBeyondLimit prints the errors of a Put whose writer reports what the disk said, and of one that keeps it to itself.
func putBeyondLimit(dir string) {
	s, err := store.Open(dir)
	if err != nil {
		panic(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		panic(err)
	}
	for _, hide := range []bool{false, true} {
		_, err := s.Put(web, func(w io.Writer) error {
			_, err := w.Write(make([]byte, 2<<20))
			if hide {
				return nil
			}
			return err
		})
		fmt.Fprintln(os.Stdout, err)
	}
}
