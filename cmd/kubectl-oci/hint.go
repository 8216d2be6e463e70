package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// registryError keeps which registry an error is about, and whose credential it was shown, for the hint.
type registryError struct {
	host  string
	found credentialPlace
	err   error
}

func (e *registryError) Error() string { return e.err.Error() }
func (e *registryError) Unwrap() error { return e.err }

// hintFor says what to do about an error; empty when there is nothing useful to say.
func hintFor(err error, command *cobra.Command) string {
	if _, ok := errors.AsType[usageError](err); ok {
		return fmt.Sprintf("%s --help", command.CommandPath())
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) {
		return "there is no room; TMPDIR names the folder where large archives wait"
	}
	if e, ok := errors.AsType[*hintedError](err); ok {
		return e.hint
	}
	if hint := signingHint(err); hint != "" {
		return hint
	}
	if e, ok := errors.AsType[*signature.Error](err); ok && e.Definite() {
		return signatureHint(e.Kind, command)
	}
	if _, ok := errors.AsType[*registry.TagExistsError](err); ok {
		return "leave --if-absent away to move it"
	}
	if hint := copyHint(err); hint != "" {
		return hint
	}
	if e, ok := errors.AsType[*registryError](err); ok {
		if hint := e.hint(); hint != "" {
			return hint
		}
	}
	if _, ok := errors.AsType[*signature.Error](err); ok { // of the unreachable kind
		return "try again: this says nothing about the artifact. Where there is no internet, --trusted-root names a file"
	}
	return ""
}

func (e *registryError) hint() string {
	if hint := e.certificateHint(); hint != "" {
		return hint
	}
	switch {
	case registry.IsUnauthorized(e.err) && e.found == inFlags:
		return "that is what --creds says: wrong password, or not allowed this?"
	case registry.IsUnauthorized(e.err) && e.found == atProvider:
		return "may who you are at the provider do this there?"
	case registry.IsUnauthorized(e.err) && e.found == nowhere:
		return fmt.Sprintf("the Docker config has no credential for it; to log in: kubectl oci login %s", e.host)
	case registry.IsUnauthorized(e.err):
		return fmt.Sprintf("that is what the Docker config has: wrong password, or not allowed this? To log in anew: kubectl oci login %s", e.host)
	case registry.IsNotFound(e.err):
		return "is the name right, and was it pushed? Registries say the same of what one may not see"
	case errors.Is(e.err, http.ErrSchemeMismatch):
		return fmt.Sprintf("%s speaks plain HTTP: --insecure allows that", e.host)
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return "nothing listens there: are host and port right?"
	case errors.Is(e.err, exec.ErrNotFound):
		return "install the helper, or take it out of the Docker config"
	}
	if dns, ok := errors.AsType[*net.DNSError](e.err); ok && dns.IsNotFound {
		return "nobody knows this host: is it spelled right?"
	}
	if _, ok := errors.AsType[*registry.StallError](e.err); ok {
		return "--timeout sets how long the registry may stand still"
	}
	if _, ok := errors.AsType[*registry.DigestError](e.err); ok {
		return "they were damaged in the registry or on the way; nothing of them was kept"
	}
	return ""
}

func (e *registryError) certificateHint() string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](e.err); ok {
		return "nobody vouches for the registry's certificate: name the file of its authority with --ca-file, or add it to the system's"
	}
	if _, ok := errors.AsType[x509.HostnameError](e.err); ok {
		return "the certificate is for another host: use the name that is in it"
	}
	return ""
}
