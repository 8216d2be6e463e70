package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// registryError keeps which registry an error is about, for the hint.
type registryError struct {
	host string
	err  error
}

func (e *registryError) Error() string { return e.err.Error() }
func (e *registryError) Unwrap() error { return e.err }

// hintFor says what to do about an error; empty when there is nothing useful to say.
func hintFor(err error, command *cobra.Command) string {
	if _, ok := errors.AsType[usageError](err); ok || strings.HasPrefix(err.Error(), "unknown command") {
		return fmt.Sprintf("%s --help", command.CommandPath())
	}
	host := "HOST"
	if e, ok := errors.AsType[*registryError](err); ok {
		host = e.host
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted: nothing was tagged, what was uploaded is used by the next try"
	case registry.IsUnauthorized(err):
		return fmt.Sprintf("log in with: docker login %s (or another tool that writes the Docker config), as a user who may do this", host)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Sprintf("%s speaks plain HTTP: --insecure allows that", host)
	case strings.Contains(err.Error(), "x509: "):
		return "nobody vouches for the registry's certificate: add its authority to the system's, or name its file in SSL_CERT_FILE"
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens there: is the host and port of %s right?", host)
	case errors.Is(err, exec.ErrNotFound):
		return "install the helper, or take it out of the Docker config"
	}
	return ""
}
