package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Root where control groups cannot be written, as in most containers, has no node: make goes on without the tests on one, and says so.
func TestLacksWhereGroupsCannotBeWritten(t *testing.T) {
	t.Parallel()
	const readOnly = `mount --make-rprivate / && mount -t tmpfs none /sys/fs/cgroup && touch /sys/fs/cgroup/cgroup.controllers &&
		mount -o remount,ro /sys/fs/cgroup && exec "$0" lacks`
	cmd, want := exec.Command("sh", "-c", readOnly, os.Args[0]), "control groups that may be written"
	if os.Geteuid() == 0 && syscall.Access("/sys/fs/cgroup", 2) == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	} else { // this machine is such a one
		cmd, want = exec.Command(os.Args[0], "lacks"), "NOT RUN"
	}
	cmd.Env = append(os.Environ(), "TESTBED_TEST_COMMAND=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%v, without %q in\n%s", err, want, out)
	}
}
