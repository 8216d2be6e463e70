package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// identity is as whom to sign without a key: by a token that was given, that of the pipeline at hand, or one for which somebody logs in.
type identity struct {
	token     string // where it lies
	issuer    string
	client    string
	noBrowser bool
	yes       bool
}

// publicIssuer is where people log in for sigstore's public good instance.
const publicIssuer = "https://oauth2.sigstore.dev/auth"

// audience is for whom tokens are made, where no other client was named.
const audience = "sigstore"

func (i *identity) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&i.token, "identity-token", "",
		"without --key: sign as the identity that this OpenID token is for, a file or env://VARIABLE (default: the pipeline's, or log in)")
	flags.StringVar(&i.issuer, "oidc-issuer", publicIssuer, "OpenID provider to log in at")
	flags.StringVar(&i.client, "oidc-client-id", audience, "for whom the provider makes the token")
	flags.BoolVar(&i.noBrowser, "no-browser", false, "log in on another device, with a code")
	flags.BoolVarP(&i.yes, "yes", "y", false, "agree that the identity and the digest become public")
}

func (i *identity) used() bool {
	return i.token != "" || i.issuer != publicIssuer || i.client != audience || i.noBrowser || i.yes
}

func (i *identity) validate() error {
	if err := validatePlace("--identity-token", "token", i.token, "a file, or env://VARIABLE"); err != nil {
		return err
	}
	return validateConfidant("--oidc-issuer", i.issuer)
}

// read gives a token. Where public is true the token leads into public logs, so somebody has to agree first.
func (i *identity) read(ctx context.Context, public bool, streams genericiooptions.IOStreams, report *reporter) (string, error) {
	raw, place, err := i.find(ctx)
	if err != nil {
		return "", err
	}
	if raw == "" {
		if raw, err = i.logIn(ctx, public, streams, report); err != nil {
			return "", err
		}
		public, place = false, i.issuer
	}
	who, err := parseToken(raw, i.client)
	if err != nil {
		return "", fmt.Errorf("read identity token %q: %w", place, err)
	}
	if public {
		if err := i.agree(ctx, who.String(), streams); err != nil {
			return "", err
		}
	}
	report.line("signing as %s", who)
	return raw, nil
}

// find gives a token for which nobody has to log in, and where it was; empty: there is none.
func (i *identity) find(ctx context.Context) (raw, place string, err error) {
	if i.token == "" {
		return pipelineToken(ctx, i.client)
	}
	text, err := readText(i.token)
	if err != nil {
		return "", "", fmt.Errorf("read identity token %q: %w", i.token, err)
	}
	if raw = strings.TrimSpace(string(text)); raw == "" {
		return "", "", fmt.Errorf("read identity token %q: it is empty", i.token)
	}
	return raw, i.token, nil
}

// agree asks whether something may become public. Where nobody can be asked, --yes is the answer.
func (i *identity) agree(ctx context.Context, who string, streams genericiooptions.IOStreams) error {
	if i.yes {
		return nil
	}
	terminal := terminalOf(streams)
	if terminal == nil {
		return fmt.Errorf("sign as %s: %w", who, errNotAgreed)
	}
	fmt.Fprintf(streams.ErrOut, "sigstore's logs are public, for ever: they will show %s and the artifact's digest. Sign? [y/N] ", who)
	answer, err := await(ctx, func() (string, error) { return readLine(terminal) })
	if err != nil {
		fmt.Fprintln(streams.ErrOut)
		return err
	}
	if answer = strings.ToLower(answer); answer != "y" && answer != "yes" {
		return fmt.Errorf("sign as %s: %w", who, errNotAgreed)
	}
	return nil
}

var errNotAgreed = errors.New("that would become public, with the digest, and nobody agreed")

// terminalOf is where a person can be asked; nil: there is nobody.
func terminalOf(streams genericiooptions.IOStreams) *os.File {
	in, ok := streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	return in
}

// readLine takes no more than the line, so that the next to ask finds what comes after.
func readLine(in *os.File) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < maxPassword; {
		n, err := in.Read(one)
		if n == 0 && err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if n == 0 || one[0] == '\n' {
			return strings.TrimSpace(string(line)), nil
		}
		line = append(line, one[0])
	}
	return "", errors.New("the answer has no end")
}
