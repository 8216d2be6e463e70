package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// enclosure is what is around kustomize, which takes no client, no path of programs and no folder for what it fetches.
type enclosure struct {
	temporary string // folder in which it leaves what it fetched; empty: it fetches nothing
	restore   func()
}

// enclose keeps kustomize from the network: what it would use is out of reach until it is restored. Where it may go there, what it leaves
// behind lies in a folder that remove takes away. All of that is the whole process's: nothing else may run meanwhile that asks a
// registry, starts a program or logs.
func (k *kustomize) enclose() (e enclosure, err error) {
	transport, logged := http.DefaultTransport, log.Writer()
	variable, value := "PATH", ""
	if k.allowRemote {
		if e.temporary, err = os.MkdirTemp("", "kubectl-oci-*"); err != nil {
			return e, fmt.Errorf("make a temporary folder: %w", err)
		}
		variable, value = "TMPDIR", e.temporary
	} else {
		http.DefaultTransport = refusing{}
	}
	log.SetOutput(io.Discard) // it warns of how addresses are written
	reset, err := setVariable(variable, value)
	e.restore = func() {
		http.DefaultTransport = transport
		log.SetOutput(logged)
		reset()
	}
	return e, err
}

func setVariable(name, value string) (restore func(), err error) {
	former, ok := os.LookupEnv(name)
	return func() {
		_ = os.Unsetenv(name)
		if ok {
			_ = os.Setenv(name, former)
		}
	}, os.Setenv(name, value)
}

// A program that was left behind may write while its folder is removed; once that is gone, it cannot.
const removals = 20

func (e enclosure) remove() {
	for range removals {
		if e.temporary == "" || os.RemoveAll(e.temporary) == nil {
			return
		}
	}
}

// maxBuildMemory is what the process may take, in bytes, while kustomize builds: many times what the largest clusters' objects take. No
// count of what it reads bounds that, for patches and replacements multiply.
const maxBuildMemory = 2 << 30

var errHeavy = errors.New("it takes more than 2 GiB of memory")

// lightly gives a context that ends with errHeavy once the process takes more bytes than the limit.
func lightly(ctx context.Context, limit uint64) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	former := debug.SetMemoryLimit(int64(limit / 8 * 7)) // collects garbage before it counts
	go func() {
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-tick.C:
				if taken() > limit {
					cancel(errHeavy)
				}
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		debug.SetMemoryLimit(former)
	}
}

// taken is the memory, in bytes, that the process has of the system.
func taken() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
