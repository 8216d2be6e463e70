package release_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/controlplane"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

const (
	version  = "v0.1.0"     // that the manifests and the documentation speak of
	epoch    = "1700000000" // 2023-11-14T22:13:20Z
	password = "correct horse battery staple"
)

var shop workshop

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "release-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shop = workshop{dir: dir}
	defer shop.close()
	if err := shop.open(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		return 1
	}
	return m.Run()
}

// workshop is where a release is made twice.
type workshop struct {
	dir       string
	root      string
	bin       string // folder with kubectl, kubectl-krew, validate-krew-manifest and cosign
	server    *httptest.Server
	registry  *registry.Registry
	trees     [2]string // copies of the repository
	plugin    string    // from the first release's archive
	reference string    // what publishing the second release printed
}

func (w *workshop) close() {
	if w.server != nil {
		w.server.Close()
	}
	if w.registry != nil {
		w.registry.Stop()
	}
}

// dist is the folder of one of the releases.
func (w *workshop) dist(i int) string { return filepath.Join(w.dir, "dist", fmt.Sprint(i)) }

func (w *workshop) open(ctx context.Context) (err error) {
	if w.root, err = product.Root(ctx); err != nil {
		return err
	}
	if w.registry, err = registry.Start(ctx, registry.Options{}); err != nil {
		return err
	}
	w.server = httptest.NewServer(http.FileServer(http.Dir(w.dist(0))))
	if err := w.install(ctx); err != nil {
		return err
	}
	for i, name := range []string{"here", "some/where/else"} {
		w.trees[i] = filepath.Join(w.dir, name)
		if err := copyTree(ctx, w.root, w.trees[i]); err != nil {
			return err
		}
	}
	return w.release(ctx)
}

// install puts programs in place: those that are tested, and those of krew and Kubernetes.
func (w *workshop) install(ctx context.Context) error {
	w.bin = filepath.Join(w.dir, "bin")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", w.bin+string(filepath.Separator), "./release", "./image")
	cmd.Dir = filepath.Join(w.root, "tools")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build tools: %w\n%s", err, out)
	}
	builder, err := controlplane.NewBuilder(os.Stderr)
	if err != nil {
		return err
	}
	kubectl, err := builder.Kubectl(ctx)
	if err != nil {
		return err
	}
	krew, err := builder.Krew(ctx)
	if err != nil {
		return err
	}
	cosign, err := builder.Cosign(ctx)
	if err != nil {
		return err
	}
	for _, path := range []string{kubectl, cosign, filepath.Join(krew, "kubectl-krew"), filepath.Join(krew, "validate-krew-manifest")} {
		if err := os.Symlink(path, filepath.Join(w.bin, filepath.Base(path))); err != nil {
			return err
		}
	}
	return nil
}

// release makes one for this platform twice. The second is published, with the plugin of the first.
func (w *workshop) release(ctx context.Context) error {
	private, public, err := signature.GenerateKeyPair([]byte(password))
	if err := errors.Join(err, os.WriteFile(w.key("key"), private, 0o600), os.WriteFile(w.key("pub"), public, 0o600), os.Mkdir(filepath.Join(w.dir, "dist"), 0o755)); err != nil {
		return err
	}
	for _, tree := range w.trees {
		if err := os.WriteFile(filepath.Join(tree, "cosign.pub"), public, 0o600); err != nil {
			return err
		}
	}
	args := []string{"-version", version, "-platforms", here(), "-url", w.server.URL}
	if _, err := w.make(ctx, 0, "release", append(args, "-to", w.dist(0))...); err != nil {
		return err
	}
	if w.plugin, err = unpack(filepath.Join(w.dist(0), archive()), w.dir); err != nil {
		return err
	}
	w.reference, err = w.make(ctx, 1, "release", append(args, "-to", w.dist(1),
		"-publish", w.registry.Host+"/kubectl-oci/release", "-key", w.key("key"), "-with", w.plugin)...)
	return err
}

func (w *workshop) key(extension string) string { return filepath.Join(w.dir, "cosign."+extension) }

// here is the platform that is released: the one that the tests run on.
func here() string { return runtime.GOOS + "/" + runtime.GOARCH }

func archive() string { return "kubectl-oci_" + runtime.GOOS + "_" + runtime.GOARCH + ".tar.gz" }

// habits are those of two users: what they have in common is the tree, and the time that they say it is of.
func (w *workshop) habits(i int) (umask string, env []string) {
	home := filepath.Join(w.dir, fmt.Sprint("home", i))
	if i == 0 {
		return "022", []string{"HOME=" + home, "TZ=UTC", "LANG=C"}
	}
	return "077", []string{"HOME=" + home, "TZ=Asia/Kathmandu", "LANG=tr_TR.UTF-8", "GOFLAGS=-tags=habit -race", "GOAMD64=v3", "CGO_ENABLED=1"}
}

// make runs one of the tools as one of the users, in their tree, and gives what it prints.
func (w *workshop) make(ctx context.Context, user int, tool string, args ...string) (string, error) {
	umask, env := w.habits(user)
	args = append([]string{"-root", w.trees[user]}, args...)
	cmd := exec.CommandContext(ctx, "bash", append([]string{"-c", "umask " + umask + `; exec "$0" "$@"`, filepath.Join(w.bin, tool)}, args...)...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "COSIGN_PASSWORD="+password, "SOURCE_DATE_EPOCH="+epoch)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY"} {
		value, err := exec.CommandContext(ctx, "go", "env", name).Output()
		if err != nil {
			return "", err
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	cmd.Env = append(cmd.Env, env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", tool, err, &said)
	}
	return string(out), nil
}

// copyTree copies what git has or would take, without its history.
func copyTree(ctx context.Context, from, to string) error {
	cmd := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = from
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and git was not told
		}
		path := filepath.Join(to, name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// unpack takes the plugin out of an archive.
func unpack(path, dir string) (plugin string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	compressed, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	for r := tar.NewReader(compressed); ; {
		h, err := r.Next()
		if err != nil {
			return "", fmt.Errorf("find the plugin in %s: %w", path, err)
		}
		if h.Name != "kubectl-oci" {
			continue
		}
		content, err := io.ReadAll(r)
		plugin = filepath.Join(dir, h.Name)
		return plugin, errors.Join(err, os.WriteFile(plugin, content, h.FileInfo().Mode()))
	}
}
