package controller

import (
	"errors"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// supported refuses a spec that asks for what this version cannot do.
func supported(spec v1.OCIRepositorySpec) error {
	if spec.Verify == nil {
		return nil
	}
	return &source.Error{
		Condition: v1.ConditionSourceVerified,
		Reason:    v1.ReasonVerificationError,
		Terminal:  true,
		Err:       errors.New("this version of the agent does not support spec.verify: remove it, where nothing needs to be verified"),
	}
}
