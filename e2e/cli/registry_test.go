package cli_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/gateway"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

func (s *script) startRegistry(ts *testscript.TestScript, args []string) error {
	flags := flag.NewFlagSet("registry", flag.ContinueOnError)
	tls := flags.Bool("tls", false, "")
	auth := flags.String("auth", "", "")
	disk := flags.Bool("disk", false, "")
	referrers := flags.Bool("referrers", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := registry.Options{TLS: *tls, Auth: registry.Auth(*auth), Referrers: *referrers}
	if *disk {
		o.Dir = ts.MkAbs("registry")
	}
	if o.Auth != registry.None {
		o.Users = []registry.User{
			{Name: "alice", Password: s.password(ts, "alice")},
			{Name: "reader", Password: s.password(ts, "reader"), ReadOnly: true},
		}
		s.password(ts, "wrong")
	}
	s.registry, s.counted = registry.For(s.t, o), proxy.Counts{}
	ts.Setenv("REGISTRY", s.registry.Host)
	if s.registry.CA == nil {
		return nil
	}
	file := ts.MkAbs("registry-ca.pem")
	ts.Setenv("REGISTRY_CA", file)
	return os.WriteFile(file, s.registry.CA, 0o600)
}

// password makes one up that nothing else can look like.
func (s *script) password(ts *testscript.TestScript, user string) string {
	password := rand.Text()
	s.t.hide(user, password)
	ts.Setenv(strings.ToUpper(user)+"_PASSWORD", password)
	return password
}

// secret is a password of something else than a registry.
func (s *script) secret(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	value := rand.Text()
	s.t.secrets = append(s.t.secrets, value)
	ts.Setenv(args[0], value)
	return nil
}

func (s *script) startGateway(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	g, err := gateway.Start(s.t.Context())
	if err != nil {
		return err
	}
	ts.Defer(g.Stop)
	g.Route(args[0], s.registry.Host)
	for _, variable := range g.Env() {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
	return nil
}

func (s *script) login(ts *testscript.TestScript, args []string) error {
	env := len(args) == 3 && args[0] == "-env"
	if env {
		args = args[1:]
	}
	if len(args) != 2 {
		return errUsage
	}
	s.t.hide(args[0], args[1])
	auth := base64.StdEncoding.EncodeToString([]byte(args[0] + ":" + args[1]))
	config, err := json.Marshal(map[string]any{"auths": map[string]any{s.registry.Host: map[string]string{"auth": auth}}})
	if err != nil {
		return err
	}
	if env {
		ts.Setenv("DOCKER_AUTH_CONFIG", string(config))
		return nil
	}
	return writeFile(filepath.Join(ts.Getenv("HOME"), ".docker", "config.json"), config)
}
