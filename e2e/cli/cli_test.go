package cli_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

func TestMain(m *testing.M) {
	testscript.Main(program{m}, map[string]func(){"within": within, "sigstore-kms-drawer": runDrawer, "xdg-open": browse})
}

// program is the package's tests with the plugin on their PATH, built from this repository.
type program struct{ *testing.M }

func (p program) Run() int {
	dir, err := os.MkdirTemp("", "plugin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := buildPlugin(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	sideBySide()
	return p.M.Run()
}

// sideBySide runs more scripts at once than there are cores, unless -parallel says something: most of them wait for something.
func sideBySide() {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("8")
	}
}

// buildPlugin builds what users get, without the race detector, which would change its memory. Where somebody collects
// coverage, the plugin counts too: GOCOVERDIR reaches it through the scripts.
func buildPlugin(dir string) error {
	args := append([]string{"build", "-race=false", "-o", filepath.Join(dir, "kubectl-oci")}, product.ReleaseFlags()...)
	if os.Getenv("GOCOVERDIR") != "" {
		args = append(args, "-cover", "-coverpkg=./...")
	}
	build := exec.Command("go", append(args, "./cmd/kubectl-oci")...)
	build.Dir, build.Env = filepath.Join("..", ".."), append(build.Environ(), product.ReleaseEnv)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build kubectl-oci: %w\n%s", err, out)
	}
	return nil
}

func TestScripts(t *testing.T) {
	t.Parallel()
	deadline, _ := t.Deadline()
	testscript.RunT(&watched{T: t}, testscript.Params{
		Dir:                 "testdata",
		Setup:               setUp,
		Cmds:                commands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            deadline,
	})
}

// setUp gives a script a home of its own, and git one identity, one clock and no checkout around the script's folder.
func setUp(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	for key, value := range map[string]string{
		"HOME":                    home,
		"GIT_CONFIG_NOSYSTEM":     "1",
		"GIT_CEILING_DIRECTORIES": filepath.Dir(env.WorkDir),
		"GIT_AUTHOR_NAME":         "Alice",
		"GIT_AUTHOR_EMAIL":        "alice@example.com",
		"GIT_AUTHOR_DATE":         "2024-05-06T07:08:09Z",
		"GIT_COMMITTER_NAME":      "Alice",
		"GIT_COMMITTER_EMAIL":     "alice@example.com",
		"GIT_COMMITTER_DATE":      "2024-05-06T07:08:09Z",
	} {
		env.Setenv(key, value)
	}
	t := env.T().(*watched)
	env.Values[scriptKey{}] = &script{t: t}
	env.Defer(func() { checkLeftovers(t.T, env.WorkDir) })
	return os.Mkdir(home, 0o700)
}
