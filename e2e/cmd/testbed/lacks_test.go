package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/node"
)

// make goes by the exit status, and shows people what is said.
func TestLacksIsSaidAndFails(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	err := run(t.Context(), []string{"lacks"}, io.Discard, &said)
	if lacks := node.Lacks(); (err != nil) != (len(lacks) > 0) || (said.Len() > 0) != (len(lacks) > 0) {
		t.Errorf("got %v and %q where %q is lacking", err, &said, lacks)
	}
}
