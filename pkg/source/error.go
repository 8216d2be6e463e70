package source

import (
	"errors"
	"time"

	"github.com/opencontainers/go-digest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Error is a step of the pipeline that failed, with all that its consequences depend on.
type Error struct {
	Condition string    // type of the condition that tells of it
	Reason    string    // of that condition and of the event
	Terminal  bool      // trying again is no use before the spec changes, or at RetryAt, which is when others may have helped
	RetryAt   time.Time // not before; zero: the caller's back-off decides
	Err       error

	Withdraws bool // what is advertised is known not to have the signature that it needs: it must not be served any more
	Unknown   bool // whether what is advertised, or is to be, has the signature that it needs could not be found out

	subject  digest.Digest // that was verified; empty: none
	unusable bool          // another try would only fetch the same content: the next look is the next interval's
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func invalidURL(err error) *Error {
	return &Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonURLInvalid, Terminal: true, Err: err}
}

// invalidRef is a mistake in spec.ref.
func invalidRef(err error) *Error {
	return &Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonReadOperationFailed, Terminal: true, Err: err}
}

// failedRequest is a registry that did not do as asked.
func failedRequest(reason string, err error) *Error {
	e := &Error{Condition: v1.ConditionFetchFailed, Reason: reason, Err: err}
	if registry.IsUnauthorized(err) {
		e.Reason = v1.ReasonAuthenticationFailed
	}
	if _, ok := errors.AsType[*registry.UnusableError](err); ok {
		e.unusable = true
	}
	if limited, ok := errors.AsType[*registry.RateLimitError](err); ok {
		e.RetryAt = limited.Until
	}
	return e
}

// unusable is an artifact that arrived whole and cannot be used.
func unusable(reason string, err error) *Error {
	return &Error{Condition: v1.ConditionFetchFailed, Reason: reason, unusable: true, Err: err}
}

// failedStorage is a local disk that did not do as asked.
func failedStorage(err error) *Error {
	return &Error{Condition: v1.ConditionStorageOperationFailed, Reason: v1.ReasonArchiveOperationFailed, Err: err}
}
