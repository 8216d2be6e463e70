package store_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// A process that is killed while it puts and prunes loses no entry that it was told of, and leaves none that is wrong.
func TestKilledWhilePutting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 30 {
		acknowledged := killPutting(t, dir, 5+rand.IntN(40))
		s := openStore(t, dir)
		checkEntries(t, s, dir)
		for key, body := range acknowledged {
			latest, err := s.Latest(store.Key{Namespace: "apps", Name: key})
			if err != nil {
				t.Fatal(err)
			}
			if latest.Digest != digest.FromString(bodyNumber(body)) {
				// The next one was complete, and the kill came before the word of it.
				if next := bodyNumber(body + 1); latest.Digest != digest.FromString(next) {
					t.Errorf("the latest of %s is neither number %d nor the next one", key, body)
				}
			}
		}
		s.Close()
	}
}

// checkEntries reads everything, and wants no file that is neither an entry nor the bytes of one.
func checkEntries(t *testing.T, s *store.Store, dir string) {
	t.Helper()
	entries, blobs := 0, map[string]bool{}
	for _, name := range slices.Backward(files(t, dir)) { // entries come after blobs
		if key, d, err := store.ParsePath(name); err == nil {
			entries++
			blobs["blobs/sha256/"+d.Encoded()] = true
			read(t, s, key, d)
		} else if !blobs[name] {
			t.Errorf("left behind: %s", name)
		}
	}
	if got, _ := s.Usage(); got != entries {
		t.Errorf("%d entries in memory, %d on the disk", got, entries)
	}
}

// killPutting lets a process put until it has acknowledged so many, kills it, and returns the last number it acknowledged by key.
func killPutting(t *testing.T, dir string, count int) map[string]int {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "STORE_TEST_PROCESS=put", "STORE_TEST_DIR="+dir)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	last := map[string]int{}
	lines := bufio.NewScanner(stdout)
	for n := 0; lines.Scan(); n++ {
		if n == count {
			command.Process.Kill() // what it has written until now is still read
		}
		var key string
		var number int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &key, &number); err == nil {
			last[key] = number
		}
	}
	command.Wait()
	if command.ProcessState.Exited() {
		t.Fatalf("the process ended by itself: %s", &stderr)
	}
	return last
}

// putUntilKilled puts the same numbered bodies for three objects, so that they share blobs while they prune them.
func putUntilKilled(dir string) {
	s, err := store.Open(dir)
	if err != nil {
		panic(err)
	}
	var objects sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		objects.Go(func() {
			key := store.Key{Namespace: "apps", Name: name}
			for number := 0; ; number++ {
				entry, err := s.Put(key, content(bodyNumber(number)))
				if err != nil {
					panic(err)
				}
				fmt.Fprintln(os.Stdout, name, number)
				if err := s.Prune(key, entry.Digest, store.Retention{}); err != nil {
					panic(err)
				}
			}
		})
	}
	objects.Wait()
}

func bodyNumber(n int) string {
	var body strings.Builder
	random := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	io.CopyN(&body, random, 100_000)
	return body.String()
}
