package main

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

// file goes into an archive. It belongs to nobody there, and its time is the release's.
type file struct {
	name       string // in the archive, without folders
	path       string
	executable bool
}

func (f file) mode() fs.FileMode {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// extension is that of a platform's archives: what can be unpacked there with what is there.
func extension(p build.Platform) string {
	if p.OS == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

func writerFor(p build.Platform) func(io.Writer, []file, time.Time) error {
	if p.OS == "windows" {
		return writeZip
	}
	return writeTarGz
}

func writeTarGz(w io.Writer, files []file, at time.Time) error {
	compressed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	for _, f := range files {
		if err := addToTar(archive, f, at); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func addToTar(archive *tar.Writer, f file, at time.Time) error {
	content, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	h := &tar.Header{
		Format: tar.FormatUSTAR, Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode()), Size: int64(len(content)), ModTime: at,
	}
	if err := archive.WriteHeader(h); err != nil {
		return err
	}
	_, err = archive.Write(content)
	return err
}

// The first time that a zip archive can tell.
var firstZipTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // never changed

func writeZip(w io.Writer, files []file, at time.Time) error {
	if at.Before(firstZipTime) {
		at = firstZipTime
	}
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, f := range files {
		if err := addToZip(archive, f, at); err != nil {
			return err
		}
	}
	return archive.Close()
}

func addToZip(archive *zip.Writer, f file, at time.Time) error {
	content, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at}
	h.SetMode(f.mode())
	entry, err := archive.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = entry.Write(content)
	return err
}
