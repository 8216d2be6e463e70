package node

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Folders that programs of the node write to and that cannot be named otherwise.
const (
	kubeletDir = "/var/lib/kubelet"
	cniCache   = "/var/lib/cni"
)

// makeMountPoints makes folders that are missing on this machine, and returns them.
func makeMountPoints() (made []string, err error) {
	for _, dir := range []string{kubeletDir, cniCache} {
		err := os.Mkdir(dir, 0o755)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return made, err
		}
		made = append(made, dir)
	}
	return made, nil
}

func removeMountPoints(made []string) {
	for _, dir := range made {
		_ = os.Remove(dir) // which leaves alone what is not empty
	}
}

// mountAll gives the mount namespace what a node needs, out of sight of the machine.
func mountAll(dir string) error {
	if err := mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("none", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil { // among Pods
		return err
	}
	if err := mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	// Images lie in memory too: layers cannot be laid over each other on every file system, but on this one.
	images := filepath.Join(dir, "containerd")
	if err := os.Mkdir(images, 0o755); err != nil {
		return err
	}
	for _, memory := range []string{"/run", "/var/log", cniCache, images} {
		if err := mount("tmpfs", memory, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return err
		}
	}
	// The volumes of Pods lie on disk: what is written to memory counts as a Pod's own.
	volumes := filepath.Join(dir, "kubelet")
	if err := os.Mkdir(volumes, 0o755); err != nil {
		return err
	}
	if err := mount(volumes, kubeletDir, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return hideTunables(dir)
}

// hideTunables lays files over settings of the kernel that a kubelet changes for the whole machine, with the values that it wants.
func hideTunables(dir string) error {
	for name, value := range map[string]string{
		"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
		"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
	} {
		file := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return err
		}
		if err := mount(file, filepath.Join("/proc/sys", name), "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	return nil
}
