package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// unprivileged runs a command for which file modes count: root reads and writes everything else.
func (s *script) unprivileged(ts *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	if os.Geteuid() == 0 {
		args = append([]string{"setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"}, args...)
	}
	return ts.Exec(args[0], args[1:]...)
}

// within is a program: it runs a command and fails when that needed more than so many MiB of memory at its peak. It must be a
// process of its own, for the kernel counts the memory of the process that starts another to the other's peak.
func within() {
	if len(os.Args) < 3 {
		fail(errUsage)
	}
	limit, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		fail(err)
	}
	child := exec.Command(os.Args[2], os.Args[3:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := child.Run(); err != nil {
		fail(err)
	}
	peak := peakMiB(child.ProcessState)
	fmt.Fprintf(os.Stderr, "peak memory: %d MiB\n", peak)
	if peak > limit {
		fail(fmt.Errorf("that is more than %d", limit))
	}
}

func peakMiB(state *os.ProcessState) int64 {
	peak := state.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "darwin" {
		return peak >> 20 // bytes there, KiB elsewhere
	}
	return peak >> 10
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "within:", err)
	os.Exit(1)
}
