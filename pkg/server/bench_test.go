package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/pkg/server"
)

// BenchmarkGet reports how much longer a download takes than one of the same bytes from http.FileServer, measured in the same loop.
func BenchmarkGet(b *testing.B) {
	for _, size := range []int{10_000, 1_000_000, 40_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := openStore(b)
			body := randomBytes(size)
			entry := put(b, s, web, body)
			ours := "http://" + serve(b, &server.Server{Store: s}) + "/" + entry.Path()
			plain := "http://" + serveFiles(b, body) + "/file"
			var get, reference time.Duration
			b.SetBytes(int64(size))
			for b.Loop() {
				reference += fetch(b, plain, size)
				get += fetch(b, ours, size)
			}
			b.ReportMetric(float64(get)/float64(reference), "×FileServer")
			b.ReportMetric(float64(get.Microseconds())/float64(b.N), "µs/get")
		})
	}
}

func serveFiles(b *testing.B, body []byte) string {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), body, 0o600); err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	files := &http.Server{Handler: http.FileServer(http.Dir(dir))}
	go files.Serve(listener)
	b.Cleanup(func() { files.Close() })
	return listener.Addr().String()
}

func fetch(b *testing.B, url string, size int) time.Duration {
	start := time.Now()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); err != nil || n != int64(size) {
		b.Fatalf("%d bytes, %v", n, err)
	}
	return time.Since(start)
}
