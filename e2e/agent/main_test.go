package agent_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/gateway"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

var (
	objects  = flag.Int("objects", 50, "objects that the polling test polls; beyond the default, it measures an agent without the race detector")
	update   = flag.Bool("update", false, "write what the documentation says of the table's rows")
	interval = flag.Duration("interval", 0, "time between two polls of an object; 0: the shortest that the agent allows")
)

// What all tests share.
var (
	bed      *testbed.Testbed
	root     string // of the repository
	binaries product.Binaries
	control  *cluster
	shared   *agent           // sees the objects that are not labelled for another one
	outside  *gateway.Gateway // leads the shared agent to hosts that are not local
)

func TestMain(m *testing.M) {
	flag.Parse()
	waitInParallel()
	os.Exit(testbed.Run(suite{m}, testbed.Options{Kubectl: true, Log: os.Stderr}, func(tb *testbed.Testbed) { bed = tb }))
}

// waitInParallel lets more tests run side by side than there are cores, unless the command line says how many: they wait for most
// of their time.
func waitInParallel() {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", "24")
	}
}

// suite is the tests, with what they share around them.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	if err := setUp(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		return 1
	}
	code := s.tests.Run()
	if err := shared.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared.Stop()
	return code
}

func setUp(ctx context.Context) (err error) {
	if root, err = product.Root(ctx); err != nil {
		return err
	}
	if binaries, err = product.Build(ctx, filepath.Join(root, ".cache", "race"), "-race"); err != nil {
		return err
	}
	if control, err = install(ctx, bed.Dir); err != nil {
		return err
	}
	if outside, err = gateway.Start(ctx); err != nil {
		return err
	}
	shared, err = startAgent(ctx, agentOptions{Dir: filepath.Join(bed.Dir, "agent"), Env: outside.Env()})
	return err
}
