package node

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Lacks says what this machine would need to run a node, a line for each thing; empty: nothing.
func Lacks() []string {
	if os.Geteuid() != 0 {
		return []string{"root"} // without it there is no telling of most others
	}
	var lacks []string
	for program, of := range map[string]string{"nft": "nftables", "gcc": "gcc", "pkg-config": "pkg-config"} {
		if _, err := exec.LookPath(program); err != nil {
			lacks = append(lacks, fmt.Sprintf("%s, of the package %s", program, of))
		}
	}
	if err := exec.Command("pkg-config", "--exists", "libseccomp").Run(); err != nil { //nolint:noctx // it reads one file
		lacks = append(lacks, "the headers of libseccomp, of the package libseccomp-dev")
	}
	if err := tryNamespaces(); err != nil {
		lacks = append(lacks, fmt.Sprintf("the right to make namespaces, and rules for packets in them: %v", err))
	}
	if err := tryGroups(); err != nil {
		lacks = append(lacks, fmt.Sprintf("control groups that may be written: %v", err))
	}
	return lacks
}

// tryNamespaces does in namespaces what the node begins with.
func tryNamespaces() error {
	cmd := exec.Command("nft", "add table ip kubectl-oci") //nolint:noctx // it changes one thing
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w %s", err, out)
	}
	return nil
}
