package resource_test

import (
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

func BenchmarkRead(b *testing.B) {
	text := strings.Repeat("---\n"+deployment, 100)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := new(resource.Set).Read("a.yaml", strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
