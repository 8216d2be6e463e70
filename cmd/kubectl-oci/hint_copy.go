package main

import (
	"errors"

	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

// copyHint says what to do where a copy, a promotion or a login is refused.
func copyHint(err error) string {
	if errors.Is(err, transfer.ErrTooMany) {
		return "--no-referrers copies the artifact without what belongs to it"
	}
	if errors.Is(err, layout.ErrForeign) {
		return "name a folder that is new or empty, or a file that ends in .tar"
	}
	if _, ok := errors.AsType[*backwardsError](err); ok {
		return "kubectl oci tag moves a tag wherever it is told to"
	}
	if _, ok := errors.AsType[*loginError](err); ok {
		return "nothing was kept. Many registries want an access token in place of the password, which may have to be allowed this"
	}
	return ""
}
