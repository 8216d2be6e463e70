package store_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// BenchmarkPut reports how much longer a Put takes than os.WriteFile, and than os.WriteFile with the two syncs that make it durable,
// each measured in the same loop.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{10_000, 1_000_000, 40_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			dir := b.TempDir()
			s := openStore(b, filepath.Join(dir, "store"))
			body := make([]byte, size)
			random := rand.NewChaCha8([32]byte{})
			var put, plain, synced time.Duration
			b.SetBytes(int64(size))
			for b.Loop() {
				random.Read(body)
				plain += took(b, func() error { return os.WriteFile(filepath.Join(dir, "plain"), body, 0o600) })
				synced += took(b, func() error { return writeSynced(dir, body) })
				put += took(b, func() error {
					entry, err := s.Put(web, func(w io.Writer) error {
						_, err := w.Write(body)
						return err
					})
					if err != nil {
						return err
					}
					return s.Prune(web, entry.Digest, store.Retention{Records: -1})
				})
			}
			b.ReportMetric(float64(put)/float64(plain), "×WriteFile")
			b.ReportMetric(float64(put)/float64(synced), "×WriteFile+fsync")
			b.ReportMetric(float64(put.Microseconds())/float64(b.N), "µs/put")
		})
	}
}

func writeSynced(dir string, body []byte) error {
	file, err := os.Create(filepath.Join(dir, "synced"))
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(body); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

func took(b *testing.B, f func() error) time.Duration {
	start := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}
