//go:build unix && !linux

package process

import "syscall"

// attributes puts the program into a process group of its own, so that Ctrl-C reaches only the parent, which stops things
// in order. Other systems than Linux have no parent-death signal.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
