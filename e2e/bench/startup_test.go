package bench

import (
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// starts are lines that do nothing but start, and the line of crane's that does the same.
var starts = []struct{ name, ours, crane string }{
	{"version", "version --client", "version"},
	{"help", "--help", "--help"},
	{"completion", "completion bash", "completion bash"},
	{"complete", "__complete pu", "__complete pu"},
}

// BenchmarkStart holds the plugin's start beside that of crane, the leanest of its peers, which links no Kubernetes client and no
// signatures: in turn, by the least and by the median of all runs.
//
//	go -C e2e test ./bench -run - -bench Start -benchtime 60x
func BenchmarkStart(b *testing.B) {
	plugin, crane := releaseBuild(b, "..", "./cmd/kubectl-oci"), releaseBuild(b, ".", "github.com/google/go-containerregistry/cmd/crane")
	for _, s := range starts {
		b.Run(s.name, func(b *testing.B) {
			var ours, theirs []time.Duration
			for n := 0; b.Loop(); n++ {
				inTurn(n,
					func() { ours = append(ours, timed(b, plugin, s.ours)) },
					func() { theirs = append(theirs, timed(b, crane, s.crane)) })
			}
			slices.Sort(ours)
			slices.Sort(theirs)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(milliseconds(ours[0]), "ours-least-ms")
			b.ReportMetric(milliseconds(theirs[0]), "crane-least-ms")
			b.ReportMetric(milliseconds(ours[len(ours)/2]), "ours-median-ms")
			b.ReportMetric(milliseconds(theirs[len(theirs)/2]), "crane-median-ms")
			b.ReportMetric(float64(ours[0])/float64(theirs[0]), "least-ratio")
			b.ReportMetric(float64(ours[len(ours)/2])/float64(theirs[len(theirs)/2]), "median-ratio")
		})
	}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// releaseBuild builds as releases are built, in a module below e2e.
func releaseBuild(b *testing.B, module, target string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "program")
	cmd := exec.CommandContext(b.Context(), "go", append(append([]string{"build", "-o", path}, product.ReleaseFlags()...), target)...)
	cmd.Dir, cmd.Env = filepath.Join("..", module), append(cmd.Environ(), product.ReleaseEnv)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", target, err, out)
	}
	return path
}

// timed gives how long a line takes from its start to its end.
func timed(b *testing.B, program, line string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), program, strings.Fields(line)...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %s: %v", program, line, err)
	}
	return time.Since(start)
}
