package main

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// parse reads the flags of the command without a word.
func parse(args []string, stderr io.Writer) (testbed.Options, error) {
	o := testbed.Options{Log: stderr}
	flags := flag.NewFlagSet("testbed", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Dir, "dir", "", "run `folder`, missing or empty (default: a temporary one)")
	flags.BoolVar(&o.Kubectl, "kubectl", false, "build a kubectl too, KUBECTL in the env file")
	flags.BoolVar(&o.RegistryOnly, "registry-only", false, "no control plane")
	flags.BoolVar(&o.Registry.TLS, "tls", false, "registry with TLS, REGISTRY_CA in the env file")
	flags.BoolVar(&o.Registry.HTTP2, "http2", false, "registry offers HTTP/2; with -tls")
	flags.BoolVar(&o.Registry.AnonymousPull, "anonymous-pull", false, "everybody may pull; with -auth token")
	flags.DurationVar(&o.Registry.TokenLife, "token-life", 0, "how long tokens are valid (default 5m)")
	flags.Func("auth", "registry authentication: basic or token (default: none)", func(s string) error {
		o.Registry.Auth = registry.Auth(s)
		return nil
	})
	flags.Func("user", "registry `name:password`, with :ro behind it for a user who may only pull; repeatable", func(s string) error {
		u, err := parseUser(s)
		o.Registry.Users = append(o.Registry.Users, u)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return o, nil
}

func parseUser(s string) (registry.User, error) {
	s, readOnly := strings.CutSuffix(s, ":ro")
	name, password, ok := strings.Cut(s, ":")
	if !ok || name == "" || password == "" {
		return registry.User{}, fmt.Errorf("want name:password")
	}
	return registry.User{Name: name, Password: password, ReadOnly: readOnly}, nil
}
