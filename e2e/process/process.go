// Package process runs a program that lives as long as its parent wants, and no longer: it is killed by Stop, and on
// Linux by the kernel when the parent dies in whatever way. Its output goes to a log file; a line of it can mean that the
// program is ready; the last lines explain why it died.
//
// It does not restart anything, and a program's own children are its own affair.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Command is what to run.
type Command struct {
	Name  string // for errors
	Path  string // of the executable
	Args  []string
	Env   []string // nil: that of this process
	Log   string   // file for standard output and standard error; made or appended to
	Ready string   // text of an output line that means ready; empty: ready as soon as started
}

// Process is a started program.
type Process struct {
	name  string
	cmd   *exec.Cmd
	out   *output
	ready chan struct{}
	done  chan struct{}
	err   error // set before done is closed
}

// Start runs the command. Stop must be called.
func Start(c Command) (*Process, error) {
	out, err := newOutput(c.Log, c.Ready)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	cmd := exec.Command(c.Path, c.Args...) //nolint:noctx // Stop ends it, and the end of its parent; a start has no context
	cmd.Env = c.Env
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = time.Second // for pipes that a grandchild holds open
	p := &Process{name: c.Name, cmd: cmd, out: out, ready: out.ready, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return p, nil
}

// run keeps its thread until the program has ended: the kernel sends the parent-death signal when the thread that started
// the program ends, not the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	defer p.out.close()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	err := p.cmd.Wait()
	p.err = fmt.Errorf("%s ended (%v), its last lines:\n%s", p.name, reason(err), p.out.tail())
}

func reason(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// Ready is closed when the program said so.
func (p *Process) Ready() <-chan struct{} { return p.ready }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the program ended, with the last lines of its output. Nil as long as it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// PID of the program.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal asks the program something; one that has ended is no error.
func (p *Process) Signal(s os.Signal) {
	_ = p.cmd.Process.Signal(s)
}

// Stop kills the program and waits until it is gone. It may be called again.
func (p *Process) Stop() {
	_ = p.cmd.Process.Kill() // fails for one that has ended
	<-p.done
}
