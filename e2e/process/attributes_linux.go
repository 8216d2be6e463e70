package process

import "syscall"

// attributes puts the program into a process group of its own, so that Ctrl-C reaches only the parent, which stops things
// in order; and has the kernel kill it when the parent dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
