package registry

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// RateLimitError says that a registry asked to be left alone. Nothing was sent, or what was sent was turned away.
type RateLimitError struct {
	Host  string
	Until time.Time // when to come back
}

func (e *RateLimitError) Error() string {
	return fmt.Sprintf("registry %q asks for fewer requests: next one at %s", e.Host, e.Until.UTC().Format(time.RFC3339))
}

// StatusError is an answer of a registry that is no success.
type StatusError struct {
	Code   int    // HTTP status
	Reason string // what the registry said of it, or what the status means
	// Tried is, with 401 and 403, which credentials did not suffice. None: the registry was asked without any.
	Tried []Credential
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s (HTTP %d)", e.Reason, e.Code)
	if !IsUnauthorized(e) {
		return text
	}
	var tried []string
	for _, c := range e.Tried {
		tried = append(tried, c.manner())
	}
	return text + ", asked " + cmp.Or(strings.Join(tried, ", then "), Credential{}.manner())
}

// DigestError says that what a registry sent is not what was asked for by digest. Nothing of it is to be used.
type DigestError struct{ err error }

func (e *DigestError) Error() string { return "the bytes that came have another digest" }
func (e *DigestError) Unwrap() error { return e.err }

// IsNotFound tells whether the registry said that what was asked for does not exist.
func IsNotFound(err error) bool { return status(err) == http.StatusNotFound }

// IsUnauthorized tells whether the registry wants another credential, or none it was given suffices.
func IsUnauthorized(err error) bool {
	code := status(err)
	return code == http.StatusUnauthorized || code == http.StatusForbidden
}

func status(err error) int {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e.Code
	}
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return e.StatusCode
	}
	return 0
}

// explain is translate, and names the credentials that did not suffice.
func (r *Repository) explain(err error) error {
	err = translate(err)
	if refused, ok := err.(*StatusError); ok && IsUnauthorized(refused) { //nolint:errorlint // translate made it
		refused.Tried = r.credentials
	}
	return err
}

// translate turns the client library's errors into this package's. The library's text repeats the request's address and,
// for HEAD, advice for its own developers.
func translate(err error) error {
	if unusable, ok := errors.AsType[*UnusableError](err); ok {
		return unusable
	}
	if other, ok := errors.AsType[*DigestError](err); ok {
		return other
	}
	if limited, ok := errors.AsType[*RateLimitError](err); ok {
		return limited
	}
	if stalled, ok := errors.AsType[*StallError](err); ok {
		return stalled
	}
	if forbidden, ok := errors.AsType[*ForbiddenError](err); ok {
		return forbidden
	}
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return &StatusError{Code: e.StatusCode, Reason: reason(e)}
	}
	if mismatch(err) {
		return &DigestError{err}
	}
	return withoutAddress(err)
}

// mismatch reads what the client library says of an answer to HEAD, which has no type.
func mismatch(err error) bool {
	return strings.Contains(err.Error(), "does not match requested digest")
}

// withoutAddress says the host only: a redirect's address may carry a signature that grants access. Where several addresses were
// tried one inside the other, the innermost is the one that failed. The connection's own port is left out, so that the same
// trouble has the same text each time.
func withoutAddress(err error) error {
	found := err
	for e, ok := errors.AsType[*url.Error](err); ok; e, ok = errors.AsType[*url.Error](err) {
		err = withoutPort(e.Err)
		u, parseErr := url.Parse(e.URL)
		if parseErr != nil {
			return err
		}
		found = fmt.Errorf("%s %s: %w", strings.ToUpper(e.Op), u.Host, err)
	}
	return withoutPort(found)
}

func withoutPort(err error) error {
	if e, ok := err.(*net.OpError); ok { //nolint:errorlint // one that is wrapped is not printed by us
		return fmt.Errorf("%s: %w", e.Op, withoutServer(e.Err))
	}
	return err
}

// withoutServer says the name and the kind of a lookup's error: the text holds the connection to the name server.
func withoutServer(err error) error {
	e, ok := errors.AsType[*net.DNSError](err)
	if !ok {
		return err
	}
	kind := "the name server fails"
	switch {
	case e.IsNotFound:
		kind = "no such host"
	case e.IsTimeout:
		kind = "timeout"
	}
	return &net.DNSError{Err: kind, Name: e.Name, IsTimeout: e.IsTimeout, IsTemporary: e.IsTemporary, IsNotFound: e.IsNotFound}
}

func reason(e *transport.Error) string {
	if len(e.Errors) > 0 && e.Errors[0].Message != "" {
		return fmt.Sprintf("registry says %q", e.Errors[0].Message)
	}
	switch e.StatusCode {
	case http.StatusUnauthorized:
		return "authentication required"
	case http.StatusForbidden:
		return "access denied"
	case http.StatusNotFound:
		return "not found"
	}
	if text := http.StatusText(e.StatusCode); text != "" {
		return "registry answers " + text
	}
	return "registry answers with an unknown status"
}
