package cloud

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/fluxcd/pkg/auth/aws"
	"github.com/fluxcd/pkg/auth/azure"
	"github.com/fluxcd/pkg/auth/gcp"
)

// OtherRegistryError says that a registry is none of the provider's. Only another spec helps.
type OtherRegistryError struct{ Registry, Provider string }

// Hopeless tells that no other identity helps.
func (e *OtherRegistryError) Hopeless() bool { return true }

func (e *OtherRegistryError) Error() string {
	text := fmt.Sprintf("%q is no registry of provider %s", e.Registry, e.Provider)
	switch e.Provider {
	case aws.ProviderName:
		text += ", as <account>.dkr.ecr.<region>.amazonaws.com and public.ecr.aws are"
	case azure.ProviderName:
		text += ", as <name>.azurecr.io is"
	case gcp.ProviderName:
		text += ", as gcr.io and <region>-docker.pkg.dev are"
	}
	return text
}

// loginError is an error of a provider's library in words that are the same each time for the same trouble, on one line: the libraries
// quote whole answers, with the numbers and times of requests in them. What looks like a token is left out.
type loginError struct{ err error }

func (e *loginError) Unwrap() error { return e.err }

func (e *loginError) Error() string {
	text := passing.ReplaceAllString(e.err.Error(), "…")
	text = strings.Join(strings.Fields(noise.ReplaceAllString(text, "")), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// maxText is the most bytes that an answer is worth in a message.
const maxText = 600

var (
	// noise is lines across, and a connection's own end.
	noise = regexp.MustCompile(`-{5,}|\S+->`)
	// passing is the number of a request, a time, and a token.
	passing = regexp.MustCompile(`(?i)\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b` +
		`|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?` +
		`|[A-Z0-9_-]{16,}\.[A-Z0-9_-]{16,}\.[A-Z0-9_-]*|\b[A-Z0-9+/_=]{80,}`)
)
