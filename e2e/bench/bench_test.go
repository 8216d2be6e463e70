// Package bench measures the plugin beside Flux's own library, in the same run, on the same trees, against the same registry. The
// figures are ratios: ours divided by the peer's.
//
//	go -C e2e test ./bench -run - -bench . -benchtime 5x
package bench

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// A tree of YAML files of size bytes each, with middling entropy.
type tree struct {
	name        string
	files, size int
}

var trees = []tree{
	{"S", 10, 2 << 10},
	{"M", 1000, 2 << 10},
	{"L", 10_000, 2 << 10},
	{"XL", 20_000, 5 << 10},
}

func (t tree) write(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	random := rand.New(rand.NewPCG(1, uint64(t.files)))
	for i := range t.files {
		folder := filepath.Join(dir, fmt.Sprintf("%03d", i/100))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		content := []byte("apiVersion: v1\nkind: ConfigMap\ndata:\n")
		for n := 0; len(content) < t.size-64; n++ {
			content = fmt.Appendf(content, "  key-%x-%x: value-%08x\n", n, random.Uint32()%4096, random.Uint32())
		}
		content = append(content, "# "+strings.Repeat("=", t.size)...) // up to the size, and YAML all the same
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.yaml", i)), content[:t.size], 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// programs are ours and the peer's.
func programs(b *testing.B) (ours, peer string) {
	b.Helper()
	dir := b.TempDir()
	built, err := product.Build(b.Context(), dir, product.ReleaseFlags()...)
	if err != nil {
		b.Fatal(err)
	}
	peer = filepath.Join(dir, "peer")
	cmd := exec.CommandContext(b.Context(), "go", append(append([]string{"build", "-o", peer}, product.ReleaseFlags()...), ".")...)
	cmd.Dir, cmd.Env = "peer", append(cmd.Environ(), product.ReleaseEnv)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build the peer: %v\n%s", err, out)
	}
	return built.Plugin, peer
}

// cost of one command, or of several.
type cost struct {
	wall, cpu time.Duration
	memory    int64 // the largest peak, in KiB
}

func (c *cost) run(b *testing.B, program string, args ...string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), program, args...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %v: %v", program, args, err)
	}
	c.wall += time.Since(start)
	c.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	c.memory = max(c.memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
}

func report(b *testing.B, ours, peer cost) {
	b.Helper()
	n := float64(b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours.wall.Seconds()/n, "ours-s")
	b.ReportMetric(peer.wall.Seconds()/n, "peer-s")
	b.ReportMetric(ours.wall.Seconds()/peer.wall.Seconds(), "wall-ratio")
	b.ReportMetric(ours.cpu.Seconds()/peer.cpu.Seconds(), "cpu-ratio")
	b.ReportMetric(float64(ours.memory)/1024, "ours-MiB")
	b.ReportMetric(float64(peer.memory)/1024, "peer-MiB")
}

// inTurn has each of the two go first every other time: the second one finds caches warm, and the disk busy.
func inTurn(n int, one, other func()) {
	if n%2 == 1 {
		one, other = other, one
	}
	one()
	other()
}

func BenchmarkPush(b *testing.B) {
	plugin, peer := programs(b)
	reg := registry.For(b, registry.Options{Dir: b.TempDir()}) // on disk: a child starts with the peak of its parent
	run := 0
	for _, t := range trees {
		dir := t.write(b)
		b.Run(t.name, func(b *testing.B) {
			var ours, theirs cost
			for b.Loop() {
				run++ // each push is to a repository of its own, which has nothing yet
				inTurn(run,
					func() { ours.run(b, plugin, "push", fmt.Sprintf("%s/ours/r%d:v1", reg.Host, run), "-f", dir) },
					func() { theirs.run(b, peer, "push", fmt.Sprintf("%s/peer/r%d:v1", reg.Host, run), dir) })
			}
			report(b, ours, theirs)
		})
	}
}

func BenchmarkPull(b *testing.B) {
	plugin, peer := programs(b)
	reg := registry.For(b, registry.Options{Dir: b.TempDir()}) // on disk: a child starts with the peak of its parent
	for _, t := range trees {
		dir := t.write(b)
		reference := fmt.Sprintf("%s/%s:v1", reg.Host, strings.ToLower(t.name))
		(&cost{}).run(b, plugin, "push", reference, "-f", dir)
		b.Run(t.name, func(b *testing.B) {
			var ours, theirs cost
			for n := 0; b.Loop(); n++ {
				inTurn(n,
					func() { ours.run(b, plugin, "pull", reference, "--to", b.TempDir()) },
					func() { theirs.run(b, peer, "pull", reference, b.TempDir()) })
			}
			report(b, ours, theirs)
		})
	}
}
