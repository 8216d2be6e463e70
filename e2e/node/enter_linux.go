package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// What a program of the node knows from its environment: which part of Run it is, and the run folder.
const (
	stageVariable = "KUBECTL_OCI_NODE_STAGE"
	dirVariable   = "KUBECTL_OCI_NODE_DIR"
)

// Options of a node.
type Options struct {
	// Prepare is called before the namespaces are entered, where there is a network still, with the folder that is [Node.Dir] later; it may put
	// files there. Nil: nothing is to be prepared.
	Prepare func(ctx context.Context, dir string) error
	// Log is told what is being built, and what is not run.
	Log io.Writer
}

// Run starts a node, hands it to use, runs the tests and stops it. It returns what os.Exit wants. It is for TestMain alone: the test
// program starts itself twice, and all but the tests happens in here.
func Run(m interface{ Run() int }, o Options, use func(*Node)) int {
	switch os.Getenv(stageVariable) {
	case "init":
		return report(initialize())
	case "tests":
		return runTests(m, o, use)
	}
	if lacks := Lacks(); len(lacks) > 0 {
		fmt.Fprint(o.Log, NotRun(lacks))
		if os.Getenv("E2E_NODE") == "optional" {
			return m.Run()
		}
		return 1
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	return report(enter(ctx, o))
}

func report(code int, err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		return max(code, 1)
	}
	return code
}

// enter makes what lies outside of the namespaces, starts this program as their first process, waits for it, and removes all again.
func enter(ctx context.Context, o Options) (code int, err error) {
	dir, err := os.MkdirTemp("", "node-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if err := build(ctx, dir, o.Log); err != nil {
		return 1, err
	}
	if o.Prepare != nil {
		if err := o.Prepare(ctx, dir); err != nil {
			return 1, fmt.Errorf("prepare: %w", err)
		}
	}
	made, err := makeMountPoints()
	defer removeMountPoints(made)
	if err != nil {
		return 1, err
	}
	removeStaleGroups()
	if err := makeGroups(groupName(os.Getpid())); err != nil {
		return 1, err
	}
	defer removeGroups(groupName(os.Getpid()))
	return start(ctx, dir)
}

// start runs the first process. It is killed, and everything in its namespaces with it, when ctx or this process ends.
func start(ctx context.Context, dir string) (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	cmd := exec.CommandContext(ctx, self, os.Args[1:]...)
	cmd.Env = append(environment(), stageVariable+"=init", dirVariable+"="+dir, groupVariable+"="+groupName(os.Getpid()))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET,
		Setpgid:    true, // Ctrl-C reaches this process alone, which ends the other
		Pdeathsig:  syscall.SIGKILL,
	}
	runtime.LockOSThread() // the parent-death signal comes when the thread that started the process ends
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Exited() {
			return exit.ExitCode(), nil // which has said why
		}
		return 1, fmt.Errorf("run in namespaces: %w", err)
	}
	return 0, nil
}

// environment is that of this process without proxies: none can be reached from the node, nor is there anything behind them.
func environment() []string {
	var kept []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasSuffix(strings.ToLower(name), "_proxy") {
			kept = append(kept, v)
		}
	}
	return kept
}

// initialize is the first process of the namespaces: it sets them up, runs the tests in a child, and reaps what loses its parent, such as
// the shims of containers. All others are killed by the kernel when it ends.
func initialize() (code int, err error) {
	if err := mountAll(os.Getenv(dirVariable)); err != nil {
		return 1, err
	}
	if err := connect(); err != nil {
		return 1, err
	}
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	if err := os.Setenv(stageVariable, "tests"); err != nil {
		return 1, err
	}
	child, err := syscall.ForkExec(self, os.Args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		return 1, fmt.Errorf("run tests: %w", err)
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, fmt.Errorf("wait for tests: %w", err)
		case pid == child && status.Signaled():
			return 1, fmt.Errorf("tests ended: %v", status.Signal())
		case pid == child:
			return status.ExitStatus(), nil
		}
	}
}

// runTests starts the node around the tests.
func runTests(m interface{ Run() int }, o Options, use func(*Node)) int {
	dir := os.Getenv(dirVariable)
	n, err := launch(context.Background(), dir, o.Log)
	if err != nil {
		return report(1, fmt.Errorf("start node: %w", err))
	}
	defer n.stop()
	use(n)
	code := m.Run()
	if err := n.programs.Err(); err != nil {
		return report(1, err)
	}
	if code != 0 {
		keepLogs(filepath.Join(dir, "log"), o.Log)
	}
	return code
}
