package store

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/opencontainers/go-digest"
)

// disk knows where things are. Below its root are
//
//	blobs/sha256/<hex>                                   the bytes
//	ocirepository/<namespace>/<name>/<digest>.tar.gz     an entry: an empty file whose time is the entry's
//	tmp/<random>                                         what is being put
//
// An entry is a file of its own, and no link to the blob, because equal bytes may be the latest of one object and long superseded
// for another: they share the bytes, not the time.
type disk struct {
	root   *os.Root
	folder *os.File // the root too; the lock is on it
}

var errInUse = errors.New("another process uses it")

const (
	blobFolder      = "blobs/" + string(digest.SHA256)
	temporaryFolder = "tmp"

	folderMode = 0o750
	fileMode   = 0o640
)

func openDisk(dir string) (disk, error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return disk{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return disk{}, err
	}
	folder, err := root.Open(".")
	if err != nil {
		return disk{}, errors.Join(err, root.Close())
	}
	d := disk{root, folder}
	if err := d.prepare(); err != nil {
		return disk{}, errors.Join(err, d.close())
	}
	return d, nil
}

func (d disk) close() error { return errors.Join(unlock(d.folder), d.folder.Close(), d.root.Close()) }

// prepare makes the folders, and drops what a killed process was putting.
func (d disk) prepare() error {
	if err := lock(d.folder); err != nil {
		return err
	}
	if err := d.root.RemoveAll(temporaryFolder); err != nil {
		return err
	}
	for _, folder := range []string{temporaryFolder, blobFolder, kind} {
		if err := d.root.MkdirAll(folder, folderMode); err != nil {
			return err
		}
	}
	return d.sync(path.Dir(blobFolder), ".")
}

func (d disk) blob(sum digest.Digest) string { return blobFolder + "/" + sum.Encoded() }

// holds reports whether the blob is there with this size.
func (d disk) holds(sum digest.Digest, size int64) bool {
	info, err := d.root.Lstat(d.blob(sum))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// mark makes or renews an entry. An empty file is made at once or not at all, so that it needs no renaming.
func (d disk) mark(key Key, sum digest.Digest, modified time.Time) error {
	if err := d.root.MkdirAll(key.folder(), folderMode); err != nil {
		return err
	}
	file, err := d.root.OpenFile(key.Path(sum), os.O_CREATE|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return d.root.Chtimes(key.Path(sum), modified, modified)
}

// remove is content when the file is gone already.
func (d disk) remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// discard removes what is only in the way: the caller is as well off when it stays.
func (d disk) discard(name string) { _ = d.root.Remove(name) }

// sync makes durable which names the folders hold. A folder that is gone needs no sync.
func (d disk) sync(folders ...string) error {
	for _, folder := range folders {
		file, err := d.root.Open(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// upward returns the folders from the key's own to the one that all keys are in.
func upward(key Key) []string {
	folder := key.folder()
	return []string{folder, path.Dir(folder), kind}
}

// temporary is a file that is hashed while it is written.
type temporary struct {
	file   *os.File
	name   string
	hash   hash.Hash
	size   int64
	failed error // the first error of a write
}

func (d disk) temporary() (*temporary, error) {
	name := temporaryFolder + "/" + rand.Text()
	file, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return nil, nameless(err)
	}
	return &temporary{file: file, name: name, hash: sha256.New()}, nil
}

func (t *temporary) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	t.hash.Write(p[:n])
	t.size += int64(n)
	if err != nil && t.failed == nil {
		t.failed = nameless(err)
	}
	return n, t.failed
}

// fill runs write, and fails too when write lost an error of the disk.
func (t *temporary) fill(write func(io.Writer) error) error {
	if err := write(t); err != nil {
		return err
	}
	return t.failed
}

func (t *temporary) sync() error { return nameless(t.file.Sync()) }

// nameless leaves out the random name of a temporary file: the same failure reads the same each time, and so a status that quotes it
// does not change without need.
func nameless(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", failed.Op, failed.Err)
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s: %w", failed.Op, failed.Err)
	}
	return err
}

func (t *temporary) digest() digest.Digest { return digest.NewDigest(digest.SHA256, t.hash) }
