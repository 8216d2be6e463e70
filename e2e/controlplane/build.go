package controlplane

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// kubernetesVersion is what the programs say they are; k8s/go.mod decides what they really are.
const kubernetesVersion = "v1.36.3"

// Binaries are the paths of the programs.
type Binaries struct {
	Etcd, APIServer, ControllerManager string
}

// Builder makes the programs from Go modules, once: they are kept in a folder named by a hash of go.mod, go.sum, the Go
// version and the flags. Several builders may share a cache at the same time, in any number of processes. It needs the go
// command and, the first time, the Go module proxy.
type Builder struct {
	Modules string    // folder that holds k8s/, etcd/ and the others
	Cache   string    // made where it is missing
	Log     io.Writer // told what is built and how long it takes; nil: nobody
}

// NewBuilder finds the modules and the default cache, .cache at the root of the repository, from the current folder
// upwards. The variable KUBECTL_OCI_CACHE names another cache.
func NewBuilder(log io.Writer) (*Builder, error) {
	root, err := repositoryRoot()
	if err != nil {
		return nil, err
	}
	cache := os.Getenv("KUBECTL_OCI_CACHE")
	if cache == "" {
		cache = filepath.Join(root, ".cache")
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return nil, fmt.Errorf("find cache: %w", err)
	}
	return &Builder{Modules: filepath.Join(root, "e2e", "controlplane"), Cache: cache, Log: log}, nil
}

// Build returns the programs of the control plane, built now or before.
func (b *Builder) Build(ctx context.Context) (Binaries, error) {
	etcd, err := b.component(ctx, component{
		name: "etcd", module: "etcd", programs: map[string]string{"etcd": "go.etcd.io/etcd/server/v3"},
		cost: "about 1 minute",
	})
	if err != nil {
		return Binaries{}, err
	}
	kubernetes, err := b.component(ctx, component{
		name: "kubernetes", module: "k8s", programs: map[string]string{
			"kube-apiserver":          "k8s.io/kubernetes/cmd/kube-apiserver",
			"kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
		},
		flags: versionFlags(), cost: "about 5 minutes",
	})
	if err != nil {
		return Binaries{}, err
	}
	return Binaries{
		Etcd:              filepath.Join(etcd, "etcd"),
		APIServer:         filepath.Join(kubernetes, "kube-apiserver"),
		ControllerManager: filepath.Join(kubernetes, "kube-controller-manager"),
	}, nil
}

// Kubectl returns the path of a kubectl of the same version, built now or before. The control plane does not need it.
func (b *Builder) Kubectl(ctx context.Context) (string, error) {
	folder, err := b.component(ctx, component{
		name: "kubectl", module: "k8s", programs: map[string]string{"kubectl": "k8s.io/kubernetes/cmd/kubectl"},
		flags: versionFlags(), cost: "half a minute after kubernetes",
	})
	return filepath.Join(folder, "kubectl"), err
}

// KustomizeController returns the path of Flux's kustomize-controller, built now or before. The control plane does not need it.
func (b *Builder) KustomizeController(ctx context.Context) (string, error) {
	folder, err := b.component(ctx, component{
		name: "kustomize-controller", module: "flux",
		programs: map[string]string{"kustomize-controller": "github.com/fluxcd/kustomize-controller"},
		cost:     "about 4 minutes",
	})
	return filepath.Join(folder, "kustomize-controller"), err
}

// Cosign returns the path of sigstore's cosign, built now or before. The control plane does not need it.
func (b *Builder) Cosign(ctx context.Context) (string, error) {
	folder, err := b.component(ctx, component{
		name: "cosign", module: "cosign", programs: map[string]string{"cosign": "github.com/sigstore/cosign/v3/cmd/cosign"},
		cost: "about 5 minutes",
	})
	return filepath.Join(folder, "cosign"), err
}

func versionFlags() string {
	var flags strings.Builder
	for _, p := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		fmt.Fprintf(&flags, " -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=36 -X %[1]s.gitTreeState=clean -X %[1]s.gitCommit=module", p, kubernetesVersion)
	}
	return flags.String()
}

// component returns the folder of a component's programs. The folder appears by a rename when all of it is there.
func (b *Builder) component(ctx context.Context, c component) (string, error) {
	c.dir = filepath.Join(b.Modules, c.module)
	key, err := c.key(ctx)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", c.name, err)
	}
	folder := filepath.Join(b.Cache, c.name+"-"+key)
	if isDir(folder) {
		return folder, nil
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return "", fmt.Errorf("build %s: %w", c.name, err)
	}
	unlock, err := lock(ctx, folder+".lock", func() { b.say("%s: waiting for another build of it", c.name) })
	if err != nil {
		return "", fmt.Errorf("build %s: %w", c.name, err)
	}
	defer unlock()
	if isDir(folder) {
		return folder, nil
	}
	if err := b.compile(ctx, c, folder); err != nil {
		return "", fmt.Errorf("build %s: %w", c.name, err)
	}
	return folder, nil
}

// compile builds into a folder beside the final one. The lock is held, so others of its kind were left by builds that were
// killed; a compiler that outlived its build finds its folder gone.
func (b *Builder) compile(ctx context.Context, c component, folder string) error {
	left, err := filepath.Glob(folder + ".unfinished-*")
	if err != nil {
		return err
	}
	for _, dir := range left {
		os.RemoveAll(dir)
	}
	unfinished, err := os.MkdirTemp(b.Cache, filepath.Base(folder)+".unfinished-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unfinished)
	if err := os.Chmod(unfinished, 0o755); err != nil { // a cache may have several users
		return err
	}
	began := time.Now()
	b.say("%s: building from Go modules, %s on two cores when nothing is cached", c.name, c.cost)
	for _, name := range slices.Sorted(maps.Keys(c.programs)) {
		if err := b.program(ctx, c, filepath.Join(unfinished, name), c.programs[name]); err != nil {
			return err
		}
	}
	if err := os.Rename(unfinished, folder); err != nil {
		return err
	}
	b.say("%s: built in %v, kept in %s", c.name, time.Since(began).Round(time.Second), folder)
	return nil
}

func (b *Builder) say(format string, args ...any) {
	if b.Log != nil {
		fmt.Fprintf(b.Log, format+"\n", args...)
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// repositoryRoot is the nearest folder, from the current one upwards, that holds this package's modules.
func repositoryRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find repository: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "e2e", "controlplane", "k8s", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find repository: no e2e/controlplane/k8s/go.mod in %q or above", start)
		}
	}
}
