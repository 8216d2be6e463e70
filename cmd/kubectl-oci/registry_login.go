package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type loginOptions struct {
	remote
	user     string
	password string // in the arguments, where others see it
	stdin    bool

	host string
}

func newLoginCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &loginOptions{}
	cmd := &cobra.Command{
		Use:   "login REGISTRY",
		Short: "Log in to a registry",
		Long: `Ask a registry whether it takes a user name and a password, or an access token in its place, and keep them for all commands, and for docker
and whatever else reads its config. The password comes from standard input or a prompt; nothing is kept that the registry does not take.

It is kept by the credential helper that the Docker config names for the registry (credHelpers), or for all (credsStore); else in the
config itself, unencrypted, which is said. DOCKER_CONFIG names the config's folder. Where REGISTRY_AUTH_FILE is set, that file is used
instead, as podman does it. Whatever else is in the file stays.`,
		Example: `  # In a pipeline
  echo "$TOKEN" | kubectl oci login ghcr.io -u org --password-stdin

  # At a terminal, which asks for name and password
  kubectl oci login registry.example.com`,
		Args: exactArgs("REGISTRY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0], cmd.Flags().Changed("password")); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.addReachFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.user, "username", "u", "", "user name (default: a prompt)")
	cmd.Flags().StringVarP(&o.password, "password", "p", "", "password; everybody on this machine may see it here: use --password-stdin")
	cmd.Flags().BoolVar(&o.stdin, "password-stdin", false, "read the password from standard input (default: a prompt)")
	return cmd
}

func (o *loginOptions) complete(host string, password bool) (err error) {
	if o.host, err = parseHost("login", host); err != nil {
		return err
	}
	switch {
	case password && o.stdin:
		return usageError{errors.New("--password and --password-stdin: one of them, please")}
	case (password || o.stdin) && o.user == "":
		return usageError{errors.New("whose password? Name the user with --username")}
	case strings.Contains(o.user, ":"):
		return usageError{fmt.Errorf("--username %q: a colon cannot be in a name", o.user)}
	}
	return o.remote.validate(registry.Reference{Registry: o.host})
}

// parseHost reads a registry's name alone.
func parseHost(verb, text string) (string, error) {
	if ref, err := registry.Parse(text + "/org/app"); err == nil && ref.Registry == text {
		return text, nil
	}
	if ref, err := registry.Parse(text); err == nil {
		return "", usageError{fmt.Errorf("%s %q: a registry alone is asked for, as in %s", verb, text, ref.Registry)}
	}
	return "", usageError{fmt.Errorf("%s %q: it is no registry's host or host:port, such as docker.io or localhost:5000", verb, text)}
}

func (o *loginOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	c, err := o.ask(ctx, streams, report)
	if err != nil {
		return err
	}
	access := registry.Access{Credentials: []registry.Credential{c}}
	if err := o.reach(&access, true); err != nil {
		return err
	}
	required, err := newClient(report).Login(ctx, o.host, access)
	switch {
	case registry.IsUnauthorized(err):
		return &loginError{err}
	case err != nil:
		return o.blame(registry.Reference{Registry: o.host}, err)
	case !required:
		report.always("%s asks nobody who he is: the password was not checked", o.host)
	}
	kept, err := registry.StoreCredential(ctx, o.host, c)
	if err != nil {
		return o.blame(registry.Reference{Registry: o.host}, err)
	}
	report.line("logged in to %s as %s", o.host, shown(c.Username))
	if kept.Helper == "" {
		report.always("warning: the password is kept unencrypted in %s; a credential helper, named there in credsStore, would keep it better", kept.File)
	} else {
		report.line("%s keeps the password", kept.Helper)
	}
	warnOfVariable(report, "comes first")
	return nil
}

// loginError is a registry's refusal.
type loginError struct{ err error }

func (e *loginError) Error() string { return e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

func warnOfVariable(report *reporter, what string) {
	if os.Getenv("DOCKER_AUTH_CONFIG") != "" {
		report.always("warning: DOCKER_AUTH_CONFIG is set, and what it holds %s", what)
	}
}

// ask finds name and password.
func (o *loginOptions) ask(ctx context.Context, streams genericiooptions.IOStreams, report *reporter) (registry.Credential, error) {
	c := registry.Credential{Username: o.user, Password: o.password}
	var secret []byte
	var err error
	switch terminal := terminalOf(streams); {
	case o.password != "":
		report.always("warning: others see the password in the list of processes, and the shell's history keeps it; use --password-stdin")
		return c, nil
	case o.stdin:
		secret, err = await(ctx, func() ([]byte, error) { return readToken(streams.In) })
	case terminal == nil:
		return c, usageError{errors.New("no password: there is no terminal to ask at; give it with --username and --password-stdin")}
	default:
		if c.Username == "" {
			if c.Username, err = askName(ctx, terminal, streams.ErrOut); err != nil {
				return c, err
			}
		}
		secret, err = ask(ctx, terminal, streams.ErrOut, "password: ")
	}
	if err == nil && len(secret) == 0 {
		err = errors.New("the password is empty")
	}
	c.Password = string(secret)
	return c, err
}

func askName(ctx context.Context, terminal *os.File, out io.Writer) (string, error) {
	fmt.Fprint(out, "user name: ")
	name, err := await(ctx, func() (string, error) { return readLine(terminal) })
	name = strings.TrimSpace(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("ask for user name: %w", err)
	case name == "" || strings.Contains(name, ":"):
		return "", fmt.Errorf("%q is no user name", name)
	}
	return name, nil
}

// Tokens of cloud providers, and keys of service accounts as JSON, are long.
const maxToken = 64 << 10 // bytes

func readToken(stdin io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(stdin, maxToken+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read password from standard input: %w", cause(err))
	case len(text) > maxToken:
		return nil, fmt.Errorf("read password from standard input: more than %d bytes", maxToken)
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")), nil
}

func newLogoutCommand(streams genericiooptions.IOStreams) *cobra.Command {
	return &cobra.Command{
		Use:   "logout REGISTRY",
		Short: "Forget what login keeps for a registry",
		Long: `Take user name and password for a registry out of where kubectl oci login, or docker login, put them. Where there are none, that is said, and
is no error.`,
		Example: `  kubectl oci logout ghcr.io`,
		Args:    exactArgs("REGISTRY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			host, err := parseHost("logout", args[0])
			if err != nil {
				return err
			}
			return logout(cmd.Context(), host, newReporter(streams.ErrOut))
		},
	}
}

func logout(ctx context.Context, host string, report *reporter) error {
	kept, found, err := registry.EraseCredential(ctx, host)
	switch {
	case err != nil:
		return (&remote{}).blame(registry.Reference{Registry: host}, err)
	case found:
		report.line("logged out of %s", host)
	case kept.Helper != "":
		report.line("%s keeps nothing for %s", kept.Helper, host)
	default:
		report.line("%s holds nothing for %s", kept.File, host)
	}
	warnOfVariable(report, "stays")
	return nil
}
