package controller

import (
	"errors"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// supported refuses a spec that asks for what this version cannot do.
func supported(spec v1.OCIRepositorySpec) error {
	if spec.Verify == nil || spec.Verify.Provider != v1.VerifyNotation {
		return nil
	}
	return &source.Error{
		Condition: v1.ConditionSourceVerified,
		Reason:    v1.ReasonVerificationError,
		Terminal:  true,
		Withdraws: true,
		Err:       errors.New("this version of the agent does not support notation as spec.verify.provider: sign with cosign, or remove spec.verify, where nothing needs to be verified"),
	}
}
