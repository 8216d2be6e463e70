package agent_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// An artifact for which there is no room is not stored, the one before it stays, and room that was taken on the way is given back.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	r := newShard(t, "disk")
	reg := registry.For(t, registry.Options{})
	runAgent(t, onSmallDisk(t, agentOptions{Shard: "disk"}))
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n", "noise", noise(300<<10)), "v1")
	r.create("app", tagged(reg, "app", "v1"))
	r.until("app", exposes(first.revision("v1")))

	before := reg.Proxy.Counts()
	push(t, reg, "app", folder("a.yaml", "a: 2\n", "noise", noise(2<<20)), "v1")
	r.ask("app")
	o := r.until("app", fails(v1.ReasonArchiveOperationFailed))
	if c := condition(o, v1.ConditionStorageOperationFailed); c == nil || !strings.Contains(c.Message, "no space left on device") {
		t.Errorf("StorageOperationFailed is %v", c)
	}
	if condition(o, v1.ConditionArtifactOutdated) == nil {
		t.Error("nobody is told that there is something newer")
	}
	r.untilEvent("app", "Warning", v1.ReasonArchiveOperationFailed, nil)
	if _, err := reg.Proxy.Wait(soon(t), func(c proxy.Counts) bool { return c.Sub(before).Of("GET", proxy.Blob) >= 4 }); err != nil {
		t.Fatal(err)
	}
	now := r.get("app")
	if now.ResourceVersion != o.ResourceVersion {
		t.Errorf("the same failure is written again and again: %s", r.story("app"))
	}
	download(t, now)

	third := push(t, reg, "app", folder("a.yaml", "a: 3\n", "noise", noise(500<<10)), "v1")
	r.ask("app")
	download(t, r.until("app", exposes(third.revision("v1"))))
}

// onSmallDisk gives an agent a store of one MiB, in a mount namespace of its own.
func onSmallDisk(t *testing.T, o agentOptions) agentOptions {
	t.Helper()
	unshare := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		unshare = append(unshare, "--map-root-user")
	}
	o.Dir = t.TempDir()
	store := filepath.Join(o.Dir, "store")
	if err := os.Mkdir(store, 0o700); err != nil {
		t.Fatal(err)
	}
	mount := `mount -t tmpfs -o size=1m none "` + store + `"`
	if out, err := exec.Command(unshare[0], append(unshare[1:], "sh", "-c", mount)...).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: a full disk takes a mount, which this machine forbids: %v: %s", err, out)
	}
	o.Path = filepath.Join(o.Dir, "agent-on-small-disk")
	script := "#!/bin/sh\nexec " + strings.Join(unshare, " ") + ` sh -c '` + mount + ` && exec "$0" "$@"' "` + binaries.Agent + `" "$@"` + "\n"
	if err := os.WriteFile(o.Path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return o
}
