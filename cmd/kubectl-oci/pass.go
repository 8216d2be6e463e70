package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/kubectl-oci/kubectl-oci/pkg/ambient"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// pass is who we are to one registry, in place of what the Docker config says. No other registry gets to know it: where a command speaks
// to several, --creds-for says to which.
type pass struct {
	creds    string // USER[:PASSWORD]
	stdin    bool
	provider string
	host     string // --creds-for, and the only registry otherwise

	in   io.Reader
	once *onceTyped // shared by copies
}

// onceTyped is what is found out once, whoever needs it.
type onceTyped struct {
	clouds ambient.Logins

	mu       sync.Mutex
	password string
}

func (p *pass) addFlags(flags *pflag.FlagSet, stdin io.Reader) {
	p.in, p.once = stdin, &onceTyped{}
	flags.StringVar(&p.creds, "creds", "",
		"USER, or USER:PASSWORD which others on this machine may see, for the registry (default: the Docker config)")
	flags.BoolVar(&p.stdin, "creds-stdin", false, "read the password for --creds USER from standard input (default: a prompt)")
	flags.StringVar(&p.provider, "provider", "", "log in as who one is at a cloud: aws, azure or gcp (default: the Docker config)")
	offer(flags, "provider", "aws", "azure", "gcp")
	flags.StringVar(&p.host, "creds-for", "", "registry that --creds, --provider, --cert-file and --insecure are for, where the command speaks to several")
}

func (p *pass) used() bool { return p.creds != "" || p.stdin || p.provider != "" || p.host != "" }

// validate settles for which registry it is. Errors quote nothing of what may be a password.
func (p *pass) validate(certificate, insecure bool, refs []registry.Reference) error {
	user, password, hasPassword := strings.Cut(p.creds, ":")
	switch {
	case p.creds != "" && p.provider != "":
		return usageError{errors.New("--creds and --provider: one of them, please")}
	case p.creds == "" && p.stdin:
		return usageError{errors.New("whose password? Name the user with --creds")}
	case p.creds != "" && user == "":
		return usageError{errors.New("--creds has no user before the colon: write USER or USER:PASSWORD")}
	case hasPassword && p.stdin:
		return usageError{errors.New("--creds has a password already: leave it out, or --creds-stdin")}
	case hasPassword && password == "":
		return usageError{errors.New("--creds has an empty password, as with a variable that is not set")}
	case p.provider != "" && !slices.Contains([]string{"aws", "azure", "gcp"}, p.provider):
		return usageError{fmt.Errorf("--provider %.50q is none of aws, azure and gcp", p.provider)}
	case p.creds != "" || p.provider != "" || certificate:
		return p.settle(refs)
	case insecure && (p.host != "" || len(refs) == 0 || len(hostsOf(refs)) > 0):
		return p.settle(refs)
	case p.host != "":
		return usageError{errors.New("what for --creds-for? Add --creds, --provider, --cert-file or --insecure")}
	}
	return nil
}

func hostsOf(refs []registry.Reference) (hosts []string) {
	for _, ref := range refs {
		if ref.Registry != "" && !slices.Contains(hosts, ref.Registry) {
			hosts = append(hosts, ref.Registry)
		}
	}
	return hosts
}

// settle makes host the one registry that what was said is for.
func (p *pass) settle(refs []registry.Reference) error {
	hosts := hostsOf(refs)
	switch {
	case p.host == "" && len(hosts) == 1:
		p.host = hosts[0]
		return nil
	case p.host == "" && len(refs) > 0 && len(hosts) == 0:
		return usageError{errors.New("no registry is asked here that would want to know who you are")}
	case p.host == "" && len(refs) == 0:
		return usageError{errors.New("for which of the registries that the files name? Say it with --creds-for HOST")}
	case p.host == "":
		return usageError{fmt.Errorf("for which registry, %s? Say it with --creds-for", strings.Join(hosts, " or "))}
	case len(refs) > 0 && !slices.Contains(hosts, p.host):
		return usageError{fmt.Errorf("--creds-for %.100q is no registry of this command: %s", p.host, strings.Join(hosts, " or "))}
	}
	_, err := parseHost("--creds-for", p.host)
	return err
}

// isFor tells whether the registry may know who we are.
func (p *pass) isFor(ref registry.Reference) bool { return p.host != "" && ref.Registry == p.host }

// credentials gives those of the flags to the registry that they are for, and to any other what the Docker config has.
func (p *pass) credentials(ctx context.Context, ref registry.Reference, report *reporter) ([]registry.Credential, credentialPlace, error) {
	switch {
	case p.isFor(ref) && p.creds != "":
		c, err := p.typed(ctx, report)
		return []registry.Credential{c}, inFlags, err
	case p.isFor(ref) && p.provider != "":
		c, err := p.once.clouds.Credential(ctx, p.provider, ref)
		if err != nil {
			err = fmt.Errorf("log in at provider %s: %w", p.provider, err)
		}
		return []registry.Credential{c}, atProvider, err
	}
	found, err := registry.DockerCredentials(ref)
	if len(found) == 0 {
		return nil, nowhere, err
	}
	return found, inDockerConfig, err
}

// typed is the credential of --creds. The password is asked for once.
func (p *pass) typed(ctx context.Context, report *reporter) (registry.Credential, error) {
	user, password, ok := strings.Cut(p.creds, ":")
	if ok {
		return registry.Credential{Username: user, Password: password}, nil
	}
	p.once.mu.Lock()
	defer p.once.mu.Unlock()
	if p.once.password == "" {
		text, err := p.ask(ctx, report)
		if err == nil && len(text) == 0 {
			err = errors.New("no password for --creds: what was read is empty")
		}
		if err != nil {
			return registry.Credential{}, err
		}
		p.once.password = string(text)
	}
	return registry.Credential{Username: user, Password: p.once.password}, nil
}

func (p *pass) ask(ctx context.Context, report *reporter) ([]byte, error) {
	if p.stdin {
		return await(ctx, func() ([]byte, error) { return readPassword(p.in, false) })
	}
	in, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, &hintedError{errors.New("no password for --creds, and nobody at a terminal to ask"), "--creds-stdin reads it from standard input"}
	}
	return ask(ctx, in, report.out, "password: ")
}

// validateStdin refuses somebody else who would read standard input, too.
func (p *pass) validateStdin(other string, reads bool) error {
	if p.stdin && reads {
		return usageError{fmt.Errorf("--creds-stdin and %s cannot both read standard input", other)}
	}
	return nil
}
