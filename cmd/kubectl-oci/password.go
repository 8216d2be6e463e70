package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// passwordVariable holds the password of private keys, for cosign too. Set and empty, it is an empty password.
const passwordVariable = "COSIGN_PASSWORD"

const maxPassword = 4096 // bytes

// password is how a private key's password is found: on standard input where that was asked for, in the environment, or by asking a
// person.
type password struct{ stdin bool }

func (p *password) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&p.stdin, "password-stdin", false,
		"read the private key's password from standard input (default: "+passwordVariable+", or a prompt)")
}

// read gives the password. A new one is asked for twice.
func (p *password) read(ctx context.Context, streams genericiooptions.IOStreams, isNew bool) ([]byte, error) {
	if p.stdin {
		return await(ctx, func() ([]byte, error) { return readPassword(streams.In, isNew) })
	}
	if text, ok := os.LookupEnv(passwordVariable); ok {
		return []byte(text), nil
	}
	in, ok := streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, fmt.Errorf("no password for the private key: set %s, which may be empty, or use --password-stdin", passwordVariable)
	}
	first, err := ask(ctx, in, streams.ErrOut, "password of the private key: ")
	if err != nil || !isNew {
		return first, err
	}
	again, err := ask(ctx, in, streams.ErrOut, "the same again: ")
	if err == nil && !bytes.Equal(first, again) {
		err = errors.New("the passwords differ")
	}
	return first, err
}

// readPassword takes what ends at once for a command that failed, where a key would be made with an empty password.
func readPassword(stdin io.Reader, isNew bool) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(stdin, maxPassword+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read password from standard input: %w", cause(err))
	case isNew && len(text) == 0:
		return nil, fmt.Errorf("read password from standard input: there is none; for an empty one, set %s to nothing", passwordVariable)
	case len(text) > maxPassword:
		return nil, fmt.Errorf("read password from standard input: more than %d bytes", maxPassword)
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")), nil
}

// ask leaves the terminal as it was, also when somebody interrupts.
func ask(ctx context.Context, in *os.File, out io.Writer, prompt string) ([]byte, error) {
	state, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("ask for password: %w", err)
	}
	defer func() { _ = term.Restore(int(in.Fd()), state) }()
	fmt.Fprint(out, prompt)
	defer fmt.Fprintln(out)
	return await(ctx, func() ([]byte, error) { return term.ReadPassword(int(in.Fd())) })
}

// await does not wait for what knows no context when somebody interrupts.
func await[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := ask()
		answered <- answer{value, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	case a := <-answered:
		return a.value, a.err
	}
}
