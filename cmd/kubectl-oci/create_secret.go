package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// createSecrets are the Secrets that an object names, of which the one to pull with may be made.
type createSecrets struct {
	pull  string
	cert  string
	proxy string
	from  string
}

const loginHelp = "docker, a file with a Docker config, or - for USER:PASSWORD on standard input"

func (s *createSecrets) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&s.pull, "secret", "", "pull Secret; with --creds, the one to make (default then: NAME-pull)")
	flags.StringVar(&s.from, "creds", "", "where the registry's credential lies, of which to make a pull Secret: "+loginHelp)
	flags.StringVar(&s.cert, "cert-secret", "", "Secret with ca.crt, or tls.crt and tls.key, for the registry")
	flags.StringVar(&s.proxy, "proxy-secret", "", "Secret with the address of a proxy")
}

// validate refuses a credential in place of where it lies, and does not repeat it.
func (s *createSecrets) validate() error {
	if strings.Contains(s.from, ":") && absent(s.from) {
		return usageError{errors.New("--creds is no credential but where one lies, for others may read command lines: " + loginHelp)}
	}
	return nil
}

// complete fills in the spec, and gives the pull Secret; nil where none is to be made.
func (s *createSecrets) complete(
	ctx context.Context, name string, ref registry.Reference, spec *v1.OCIRepositorySpec, stdin io.Reader,
) (*unstructured.Unstructured, error) {
	if s.pull == "" && s.from != "" {
		s.pull = name + "-pull"
	}
	spec.SecretRef, spec.CertSecretRef, spec.ProxySecretRef = secretRef(s.pull), secretRef(s.cert), secretRef(s.proxy)
	if s.from == "" {
		return nil, nil
	}
	c, err := s.credential(ctx, ref, stdin)
	if err != nil {
		return nil, err
	}
	entry := map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))}
	switch {
	case c.IdentityToken != "":
		entry = map[string]string{"username": c.Username, "identitytoken": c.IdentityToken}
	case c.Username != "":
		entry["username"], entry["password"] = c.Username, c.Password
	default:
		return nil, fmt.Errorf("the credential for %q is a token that lasts for minutes: no Secret can be made of it", ref.Registry)
	}
	host := ref.Registry
	if host == registry.DockerHub || host == "index.docker.io" {
		host = "https://index.docker.io/v1/" // as the kubelet wants it, too
	}
	config, err := json.Marshal(map[string]any{"auths": map[string]any{host: entry}})
	if err != nil {
		return nil, err
	}
	return newSecret(s.pull, "kubernetes.io/dockerconfigjson", map[string][]byte{".dockerconfigjson": config})
}

// newSecret has data and no stringData, of which server-side apply would not remove what a later one leaves out.
func newSecret(name, kind string, data map[string][]byte) (*unstructured.Unstructured, error) {
	return newObject("v1", "Secret", name, nil, map[string]any{"type": kind, "data": data})
}

func secretRef(name string) *v1.LocalObjectReference {
	if name == "" {
		return nil
	}
	return &v1.LocalObjectReference{Name: name}
}

// credential gives the one for ref, and nothing that is for others.
func (s *createSecrets) credential(ctx context.Context, ref registry.Reference, stdin io.Reader) (c registry.Credential, err error) {
	var found []registry.Credential
	where := "the Docker config"
	switch s.from {
	case "-":
		return readCredential(ctx, stdin)
	case "docker":
		found, err = registry.DockerCredentials(ref)
	default:
		where = fmt.Sprintf("%q", s.from)
		found, err = fileCredentials(s.from, ref)
	}
	switch {
	case err != nil:
		return c, err
	case len(found) == 0:
		return c, &hintedError{fmt.Errorf("%s has no credential for %q", where, ref.Registry), "to log in: kubectl oci login " + ref.Registry}
	}
	return found[0], nil
}

func fileCredentials(path string, ref registry.Reference) ([]registry.Credential, error) {
	raw, err := readBounded(path, maxSmallFile)
	if err != nil {
		return nil, fmt.Errorf("read credentials %q: %w", path, err)
	}
	found, err := registry.PullSecret(raw, ref)
	if err != nil {
		return nil, fmt.Errorf("read credentials %q: %w", path, err)
	}
	return found, nil
}

// readCredential takes USER:PASSWORD.
func readCredential(ctx context.Context, stdin io.Reader) (registry.Credential, error) {
	text, err := await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(stdin, maxPassword+1)) })
	if err != nil {
		return registry.Credential{}, fmt.Errorf("read credential from standard input: %w", cause(err))
	}
	user, secret, ok := bytes.Cut(bytes.TrimRight(text, "\r\n"), []byte(":"))
	if !ok || len(user) == 0 || len(secret) == 0 || len(text) > maxPassword {
		return registry.Credential{}, errors.New("read credential from standard input: it is not USER:PASSWORD")
	}
	return registry.Credential{Username: string(user), Password: string(secret)}, nil
}
