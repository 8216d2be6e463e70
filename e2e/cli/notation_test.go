package cli_test

import (
	"cmp"
	"flag"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
)

func (s *script) notarize(ts *testscript.TestScript, args []string) error {
	var o notation.Options
	flags := flag.NewFlagSet("notarize", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	foreign, of := flags.Bool("foreign", false, ""), flags.String("of", "", "")
	flags.StringVar(&o.Name, "name", "", "")
	flags.BoolVar(&o.COSE, "cose", false, "")
	flags.BoolVar(&o.Expired, "expired", false, "")
	flags.BoolVar(&o.CertificateExpired, "certificate-expired", false, "")
	flags.BoolVar(&o.Tampered, "tampered", false, "")
	flags.BoolVar(&o.Malformed, "malformed", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		return cmp.Or(err, errUsage)
	}
	if *of != "" {
		o.Of = digest.FromString(*of)
	}
	authority, err := s.authorityFor(ts, *foreign)
	if err != nil {
		return err
	}
	return authority.Sign(s.t.Context(), s.registry.Direct+"/"+flags.Arg(0), o)
}

// authorityFor is the script's own, whose certificate is in acme.crt, or one that nobody knows.
func (s *script) authorityFor(ts *testscript.TestScript, foreign bool) (*notation.Authority, error) {
	if foreign {
		return notation.NewAuthority("other")
	}
	if s.authority == nil {
		a, err := notation.NewAuthority("acme")
		if err != nil {
			return nil, err
		}
		s.authority = a
	}
	return s.authority, writeFile(ts.MkAbs("acme.crt"), s.authority.Certificate())
}
