package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	groupRoot     = "/sys/fs/cgroup"
	groupPrefix   = "kubectl-oci-node-"
	groupVariable = "KUBECTL_OCI_NODE_GROUP"
)

// groupName is the parent of all control groups of the run whose first process has this number.
func groupName(pid int) string { return groupPrefix + strconv.Itoa(pid) }

// hierarchies are the folders of which each gets a parent: one for all controllers in version 2, one for each in version 1.
func hierarchies() ([]string, error) {
	if isUnified() {
		return []string{groupRoot}, nil
	}
	entries, err := os.ReadDir(groupRoot)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		dir := filepath.Join(groupRoot, e.Name())
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil && e.Type()&fs.ModeSymlink == 0 {
			found = append(found, dir)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no hierarchy is mounted in %s", groupRoot)
	}
	return found, nil
}

func isUnified() bool {
	_, err := os.Stat(filepath.Join(groupRoot, "cgroup.controllers"))
	return err == nil
}

func makeGroups(name string) error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	if isUnified() {
		if err := delegate(groupRoot); err != nil {
			return err
		}
	}
	for _, dir := range dirs {
		group := filepath.Join(dir, name)
		if err := os.Mkdir(group, 0o755); err != nil {
			return err
		}
		for _, set := range []string{"cpuset.cpus", "cpuset.mems"} { // empty in a new group of version 1, which then takes no process
			value, err := os.ReadFile(filepath.Join(dir, set))
			if err != nil || isUnified() {
				continue
			}
			if err := os.WriteFile(filepath.Join(group, set), value, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// delegate lets groups below this one have all of its controllers. Version 2 permits that to the root of all groups, and to a group
// without processes of its own: in a container they move into a group beside the node's, under the same limits as before.
func delegate(dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	wanted := "+" + strings.Join(strings.Fields(string(raw)), " +")
	control := filepath.Join(dir, "cgroup.subtree_control")
	err = os.WriteFile(control, []byte(wanted), 0o644)
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	beside := filepath.Join(dir, "kubectl-oci-others")
	if err := os.MkdirAll(beside, 0o755); err != nil {
		return err
	}
	processes, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	for pid := range bytes.FieldsSeq(processes) {
		_ = os.WriteFile(filepath.Join(beside, "cgroup.procs"), pid, 0o644) // it may have ended
	}
	return os.WriteFile(control, []byte(wanted), 0o644)
}

// removeGroups removes the groups below a parent, and the parent, as far as no process is in them.
func removeGroups(name string) {
	dirs, _ := hierarchies()
	for _, dir := range dirs {
		var groups []string
		_ = filepath.WalkDir(filepath.Join(dir, name), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				groups = append(groups, path)
			}
			return nil
		})
		for _, group := range slices.Backward(groups) { // the innermost first
			_ = os.Remove(group)
		}
	}
}

// removeStaleGroups removes what runs left that were killed.
func removeStaleGroups() {
	dirs, _ := hierarchies()
	for _, dir := range dirs {
		left, _ := filepath.Glob(filepath.Join(dir, groupPrefix+"*"))
		for _, group := range left {
			pid := strings.TrimPrefix(filepath.Base(group), groupPrefix)
			if _, err := os.Stat(filepath.Join("/proc", pid)); errors.Is(err, fs.ErrNotExist) {
				removeGroups(filepath.Base(group))
			}
		}
	}
}

// tryGroups makes and removes what a run makes.
func tryGroups() error {
	name := groupPrefix + "try-" + strconv.Itoa(os.Getpid())
	defer removeGroups(name)
	return makeGroups(name)
}
