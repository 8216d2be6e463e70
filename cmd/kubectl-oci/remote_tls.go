package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// maxPEM is the size in bytes above which no file of certificates or keys is read. The system's own authorities take 250 KB.
const maxPEM = 4 << 20

// tlsFiles are the files for registries with authorities of their own.
type tlsFiles struct{ ca, certificate, key string }

func (t *tlsFiles) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&t.ca, "ca-file", "", "file of authorities to trust besides the system's")
	flags.StringVar(&t.certificate, "cert-file", "", "file of the certificate to show to the registry, with --key-file")
	flags.StringVar(&t.key, "key-file", "", "file of the certificate's private key")
}

func (t *tlsFiles) used() bool  { return *t != tlsFiles{} }
func (t *tlsFiles) shows() bool { return t.certificate != "" }

func (t *tlsFiles) validate() error {
	if (t.certificate == "") != (t.key == "") {
		return usageError{errors.New("--cert-file and --key-file go together: name both")}
	}
	return errors.Join(validatePlace("--ca-file", "file", t.ca, "the file"),
		validatePlace("--cert-file", "file", t.certificate, "the file"), validatePlace("--key-file", "file", t.key, "the file"))
}

// read gives what is in the files: the certificate only for who is to see it.
func (t *tlsFiles) read(shown bool) (m registry.TLS, err error) {
	if m.CA, err = readPEM(t.ca); err != nil || !shown {
		return m, err
	}
	if m.Certificate, err = readPEM(t.certificate); err != nil {
		return m, err
	}
	m.Key, err = readPEM(t.key)
	return m, err
}

// readPEM gives nothing where no file is named.
func readPEM(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readBounded(path, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return text, nil
}
