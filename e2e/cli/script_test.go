package cli_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// script is what the commands of one script share.
type script struct {
	t        *watched
	registry *registry.Registry
	counted  proxy.Counts // what requests has seen
}

type scriptKey struct{}

// commands are documented in doc.go.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, bool, []string){"cmptree": compareTrees}
	for name, run := range map[string]func(*script, *testscript.TestScript, []string) error{
		"registry":     (*script).startRegistry,
		"gateway":      (*script).startGateway,
		"login":        (*script).login,
		"fault":        (*script).fault,
		"requests":     (*script).requests,
		"await":        (*script).await,
		"manifest":     (*script).manifest,
		"layer":        (*script).layer,
		"put-blob":     (*script).putBlob,
		"put-manifest": (*script).putManifest,
		"expand":       (*script).expand,
		"grow":         (*script).grow,
		"unprivileged": (*script).unprivileged,
	} {
		all[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			err := run(ts.Value(scriptKey{}).(*script), ts, args)
			switch {
			case neg && err == nil:
				ts.Fatalf("unexpected success")
			case !neg && err != nil:
				ts.Fatalf("%s: %v", name, err)
			}
		}
	}
	return all
}

var errUsage = errors.New("wrong arguments: see the package's documentation")

func (s *script) startRegistry(ts *testscript.TestScript, args []string) error {
	flags := flag.NewFlagSet("registry", flag.ContinueOnError)
	tls := flags.Bool("tls", false, "")
	auth := flags.String("auth", "", "")
	disk := flags.Bool("disk", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := registry.Options{TLS: *tls, Auth: registry.Auth(*auth)}
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

func (s *script) fault(_ *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		s.registry.Proxy.Clear()
		return nil
	}
	form := url.Values{}
	for _, arg := range args {
		field, value, _ := strings.Cut(arg, "=")
		form.Add(field, value)
	}
	_, err := s.send(http.MethodPost, s.registry.Admin+"/faults", "application/x-www-form-urlencoded", form.Encode())
	return err
}

func (s *script) requests(_ *testscript.TestScript, args []string) error {
	if slices.Equal(args, []string{"any"}) {
		s.counted = s.registry.Proxy.Counts()
		return nil
	}
	want := map[string]int{}
	for _, arg := range args {
		n, what := 1, arg
		if number, rest, _ := strings.Cut(arg, " "); strings.Contains(rest, " ") {
			var err error
			if n, err = strconv.Atoi(number); err != nil {
				return errUsage
			}
			what = rest
		}
		want[what] = n
	}
	now := s.registry.Proxy.Counts()
	got := now.Sub(s.counted).Requests
	s.counted = now
	for what := range got {
		if _, ok := want[what]; !ok {
			want[what] = 0
		}
	}
	var wrong []string
	for what, n := range want {
		if got[what] != n {
			wrong = append(wrong, fmt.Sprintf("%q: %d instead of %d", what, got[what], n))
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, ", "))
	}
	return nil
}

// A script that waits this long waits for something that does not come.
const patience = 30 * time.Second

func (s *script) await(_ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	_, err := s.registry.Proxy.Wait(ctx, func(c proxy.Counts) bool { return c.Sub(s.counted).Requests[args[0]] > 0 })
	return err
}

// expand replaces $VARIABLE and ${VARIABLE}.
func (s *script) expand(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	return writeFile(ts.MkAbs(args[1]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)))
}

// writeFile makes the folders that are missing, too.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// send is one request with a textual body, whose answer must be a success.
func (s *script) send(method, address, mediaType, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", mediaType)
	for _, t := range manifestTypes() {
		req.Header.Add("Accept", t)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, address, resp.Status, answer)
	}
	return answer, err
}
