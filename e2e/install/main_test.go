package install_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

// What all tests share.
var (
	root     string // of the repository
	binaries product.Binaries
)

func TestMain(m *testing.M) {
	if err := build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func build(ctx context.Context) (err error) {
	if root, err = product.Root(ctx); err != nil {
		return err
	}
	binaries, err = product.Build(ctx, filepath.Join(root, ".cache", "race"), "-race")
	return err
}

// cluster is a control plane with a registry, and nobody's objects in it.
type cluster struct {
	*testbed.Testbed
	t *testing.T
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	bed, err := testbed.Start(soon(t), testbed.Options{Kubectl: true, Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bed.Stop)
	return &cluster{bed, t}
}

// soon is when a test has waited long enough.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// run gives what a program printed on both streams.
func (c *cluster) run(ctx context.Context, stdin, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig)
	cmd.Dir = root
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// kubectl runs as cluster-admin.
func (c *cluster) kubectl(line string) string {
	c.t.Helper()
	return c.feed("", line)
}

// feed runs kubectl with text on its standard input.
func (c *cluster) feed(stdin, line string) string {
	c.t.Helper()
	out, err := c.run(soon(c.t), stdin, c.Kubectl, strings.Fields(line)...)
	if err != nil {
		c.t.Fatalf("kubectl %s: %v\n%s", line, err, out)
	}
	return out
}

// oci runs the plugin, which has to succeed.
func (c *cluster) oci(line string) string {
	c.t.Helper()
	out, err := c.run(soon(c.t), "", binaries.Plugin, strings.Fields(line)...)
	if err != nil {
		c.t.Fatalf("kubectl oci %s: %v\n%s", line, err, out)
	}
	return out
}

// refuses runs the plugin, which has to fail and say all of this.
func (c *cluster) refuses(line string, says ...string) {
	c.t.Helper()
	out, err := c.run(soon(c.t), "", binaries.Plugin, strings.Fields(line)...)
	if err == nil {
		c.t.Errorf("kubectl oci %s succeeds:\n%s", line, out)
	}
	c.says(out, says...)
}

func (c *cluster) says(out string, texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			c.t.Errorf("no %q in\n%s", text, out)
		}
	}
}

// exists tells whether there is such an object.
func (c *cluster) exists(line string) bool {
	c.t.Helper()
	return strings.TrimSpace(c.kubectl("get --ignore-not-found -o name "+line)) != ""
}
