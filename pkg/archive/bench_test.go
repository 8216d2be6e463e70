package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// yamlTree is a folder with files of size bytes, 20 to a folder.
func yamlTree(b *testing.B, files, size int) string {
	b.Helper()
	all := text(files * size)
	dir := b.TempDir()
	for i := range files {
		path := filepath.Join(dir, fmt.Sprintf("apps/team-%d/service-%d/object-%d.yaml", i/400, i/20, i))
		if i%20 == 0 {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(path, []byte(all[i*size:(i+1)*size]), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// floor is what any program has to do that packs a tree with the standard library: tar, gzip, sha256 on one core.
func floor(w io.Writer, fsys fs.FS) error {
	sum := sha256.New()
	zip := gzip.NewWriter(io.MultiWriter(w, sum))
	out := tar.NewWriter(zip)
	if err := out.AddFS(fsys); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return zip.Close()
}

// BenchmarkPack reports also how many times faster than the floor it is on the same tree, as x-floor.
func BenchmarkPack(b *testing.B) {
	for name, files := range map[string]int{"M": 1000, "L": 10_000} {
		b.Run(name, func(b *testing.B) {
			dir := yamlTree(b, files, 2000)
			fsys := openDir(b, dir)
			begin := time.Now()
			for b.Loop() {
				if _, err := Pack(b.Context(), io.Discard, fsys, PackOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			ours := time.Since(begin) / time.Duration(b.N)
			begin = time.Now()
			for range b.N {
				if err := floor(io.Discard, os.DirFS(dir)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(time.Since(begin))/float64(b.N)/float64(ours), "x-floor")
		})
	}
}

func BenchmarkJudge(b *testing.B) {
	archive, _ := pack(b, openDir(b, yamlTree(b, 10_000, 2000)), PackOptions{})
	for b.Loop() {
		if v, err := Judge(b.Context(), bytes.NewReader(archive), nil, Limits{}); err != nil || !v.Keep {
			b.Fatal(v, err)
		}
	}
}

func BenchmarkExtract(b *testing.B) {
	archive, _ := pack(b, openDir(b, yamlTree(b, 1000, 2000)), PackOptions{})
	for b.Loop() {
		if err := Extract(b.Context(), bytes.NewReader(archive), b.TempDir(), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRules(b *testing.B) {
	r, err := newRules(ignoreFiles{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if r.drop("apps/team-1/service-20/object-300.yaml", false) {
			b.Fatal("dropped")
		}
	}
}
