//go:build !linux

package node

// Lacks says what this machine would need to run a node.
func Lacks() []string { return []string{"Linux"} }
