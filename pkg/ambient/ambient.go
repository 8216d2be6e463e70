// Package ambient logs in to the registries of cloud providers as who one is: by the environment, the files and the programs that the
// provider's own tools go by, and the metadata service of the machine.
//
// [Logins.Credential] gives a registry's credential. It is for people and pipelines: of ServiceAccounts it knows nothing, and so it links no
// client of Kubernetes, which would have every command start later.
//
// What it refuses: a host that is no registry of the provider. A credential is never sent here, only fetched.
package ambient

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// Logins are those of one command, which logs in once to each registry. The zero value is ready. It is safe for concurrent use.
type Logins struct {
	mu    sync.Mutex
	known map[string]registry.Credential // by provider and host
}

// loginTimeout bounds one login, which takes several requests.
const loginTimeout = 30 * time.Second

// example is how registries of a provider are named.
func example(provider string) string {
	switch provider {
	case "aws":
		return ", as <account>.dkr.ecr.<region>.amazonaws.com and public.ecr.aws are"
	case "azure":
		return ", as <name>.azurecr.io is"
	case "gcp":
		return ", as gcr.io and <region>-docker.pkg.dev are"
	}
	return ""
}

// Credential gives the credential that a provider, aws, azure or gcp, issues for a repository.
func (l *Logins) Credential(ctx context.Context, provider string, ref registry.Reference) (registry.Credential, error) {
	login, host := loginOf(provider, ref.Registry)
	if login == nil {
		return registry.Credential{}, fmt.Errorf("%q is no registry of provider %s%s", ref.Registry, provider, example(provider))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := provider + " " + ref.Registry
	if known, ok := l.known[key]; ok {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	fresh, err := login(ctx, host)
	if err != nil {
		return registry.Credential{}, onOneLine{err}
	}
	if l.known == nil {
		l.known = map[string]registry.Credential{}
	}
	l.known[key] = fresh
	return fresh, nil
}

// login gets a credential for what a provider makes of a host.
type login func(ctx context.Context, host string) (registry.Credential, error)

// loginOf gives the login of a provider for a host, and what it takes; nil where the host is none of its registries.
func loginOf(provider, host string) (login, string) {
	switch provider {
	case "aws":
		if host == publicAWS || host == publicAWSDualStack {
			return logInAtPublicAWS, host
		}
		if match := regexp.MustCompile(awsHost).FindStringSubmatch(host); match != nil {
			return logInAtAWS, match[1]
		}
	case "azure":
		if regexp.MustCompile(azureHost).MatchString(host) {
			return logInAtAzure, host
		}
	case "gcp":
		if regexp.MustCompile(gcpHost).MatchString(host) {
			return logInAtGCP, host
		}
	}
	return nil, ""
}

// onOneLine is an error of a provider's library, which quotes whole answers.
type onOneLine struct{ error }

func (e onOneLine) Unwrap() error { return e.error }

func (e onOneLine) Error() string {
	text := strings.Join(strings.Fields(e.error.Error()), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// maxText is the most bytes that an answer is worth in a message.
const maxText = 600
