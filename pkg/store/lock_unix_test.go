//go:build unix && !aix && !solaris

package store_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// A second process would remove what the first one is putting.
func TestFolderIsUsedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	if _, err := store.Open(dir); err == nil || !strings.HasSuffix(err.Error(), "another process uses it") {
		t.Errorf("the folder is opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	openStore(t, dir)
}

// A child that is being started holds a copy of every descriptor until it runs its own program.
func TestFolderIsFreeWhileACopyOfItsDescriptorIsOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	kept, err := syscall.Dup(int(s.Folder().Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(kept)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	openStore(t, dir)
}
