//go:build unix && !aix && !solaris

package store

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps other processes out of a folder until it is closed, or this one ends. Where the file system has no locks, nobody is kept out.
func lock(folder *os.File) error {
	conn, err := folder.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = conn.Control(func(fd uintptr) { locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(locked, syscall.EWOULDBLOCK) {
		return errInUse
	}
	return err
}

// unlock gives up the lock before the folder is closed: a child that is just being started has a copy of the descriptor until it runs its
// own program, and the lock would last as long as the last copy.
func unlock(folder *os.File) error {
	conn, err := folder.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Control(func(fd uintptr) { syscall.Flock(int(fd), syscall.LOCK_UN) }) //nolint:errcheck // closing unlocks as well
}
