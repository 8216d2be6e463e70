package plugin_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

func TestScripts(t *testing.T) {
	t.Parallel()
	deadline, _ := t.Deadline()
	testscript.RunT(&watched{T: t}, testscript.Params{
		Dir: "testdata", Setup: setUp, RequireExplicitExec: true, RequireUniqueNames: true, Deadline: deadline,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"private": func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(startPrivate(ts, args)) },
			"expand":  func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(expand(ts, args)) },
			"await":   func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(await(ts, args)) },
		},
	})
}

var errUsage = errors.New("wrong arguments: see the package's documentation")

// watched is the test of a script, which fails when a secret is among what its commands print.
type watched struct {
	*testing.T
	secrets []string
}

func (w *watched) Run(name string, f func(testscript.T)) {
	w.T.Run(name, func(t *testing.T) { f(&watched{T: t}) })
}

// Verbose keeps the script's log whole.
func (w *watched) Verbose() bool { return true }

func (w *watched) Log(args ...any) {
	text := fmt.Sprint(args...)
	for _, secret := range w.secrets {
		if strings.Contains(text, secret) {
			w.Errorf("the output holds the secret %q", secret)
		}
	}
	if w.Failed() || testing.Verbose() {
		_, script, _ := strings.Cut(text, "\n\n") // the environment comes first
		w.T.Log(script)
	}
}

type watchedKey struct{}

// setUp gives a script a home, a namespace, and a kubeconfig that leads there.
func setUp(env *testscript.Env) error {
	t := env.T().(*watched)
	env.Values[watchedKey{}] = t
	namespace := "script-" + strings.ToLower(rand.Text())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	kubeconfig := filepath.Join(env.WorkDir, "kubeconfig")
	raw, err := os.ReadFile(bed.Kubeconfig)
	if err != nil {
		return err
	}
	if err := os.WriteFile(kubeconfig, raw, 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"create", "namespace", namespace}, {"config", "set-context", "--current", "--namespace=" + namespace},
	} {
		if _, err := kubectl(ctx, kubeconfig, "", args...); err != nil {
			return err
		}
	}
	env.Defer(func() {
		_, err := kubectl(context.WithoutCancel(ctx), bed.Kubeconfig, "", "delete", "ocirepositories", "--all", "-n", namespace)
		if err != nil {
			t.Error(err)
		}
	})
	for key, value := range map[string]string{
		"HOME": filepath.Join(env.WorkDir, "home"), "KUBECONFIG": kubeconfig, "NAMESPACE": namespace,
		"REPOSITORY": bed.Registry.Host + "/" + namespace + "/app",
		"PATH":       bin + string(os.PathListSeparator) + env.Getenv("PATH"),
	} {
		env.Setenv(key, value)
	}
	app := filepath.Join(env.WorkDir, "app")
	if err := errors.Join(os.Mkdir(app, 0o700), os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o700)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(app, "config.yaml"), []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"), 0o600)
}

func startPrivate(ts *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	w, secret := ts.Value(watchedKey{}).(*watched), rand.Text()
	w.secrets = append(w.secrets, secret, base64.StdEncoding.EncodeToString([]byte("alice:"+secret)))
	r := registry.For(w, registry.Options{Auth: registry.Basic, Users: []registry.User{{Name: "alice", Password: secret}}})
	_, port, _ := strings.Cut(r.Host, ":")
	ts.Setenv("PRIVATE", r.Host)
	ts.Setenv("PORT", port)
	ts.Setenv("PASSWORD", secret)
	return nil
}

// expand replaces $VARIABLE and ${VARIABLE}.
func expand(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	to := ts.MkAbs(args[1])
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600)
}

// await looks again and again, since nobody tells when another process writes.
func await(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ts.Value(watchedKey{}).(*watched).Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && pattern.Match(raw) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s does not match %q:\n%s", args[0], args[1], raw)
		}
	}
}
