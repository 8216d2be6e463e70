package node

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// WorkloadProgram is the name of the file in [Node.Dir] that is in the image of Workload. Its first argument says what it does, see
// cmd/workload.
const WorkloadProgram = "workload"

// PushProgram pushes an image that holds one static program, which it runs, to a repository and tag of the node's registry. It returns
// the whole reference.
func (n *Node) PushProgram(ctx context.Context, program, to string) (string, error) {
	image, err := imageOf(program)
	if err != nil {
		return "", fmt.Errorf("make image of %q: %w", program, err)
	}
	ref, err := name.ParseReference(Registry + "/" + to)
	if err != nil {
		return "", err
	}
	transport, err := n.transport()
	if err != nil {
		return "", err
	}
	defer transport.CloseIdleConnections()
	if err := remote.Write(ref, image, remote.WithContext(ctx), remote.WithTransport(transport)); err != nil {
		return "", fmt.Errorf("push image %q: %w", to, err)
	}
	return ref.String(), nil
}

// pushSandbox pushes the image that holds the namespaces of Pods.
func (n *Node) pushSandbox(ctx context.Context) (string, error) {
	return n.PushProgram(ctx, filepath.Join(n.Dir, WorkloadProgram), "workload:v1")
}

func (n *Node) transport() (*http.Transport, error) {
	raw, err := os.ReadFile(n.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, errors.New("no certificate in the authority's file")
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}, nil
}

// PushTrusting pushes an image of the node's registry for this machine under another name, with one file more: the authority of that registry,
// where programs look for those that they trust. Registries on the internet are trusted by the image as it is.
func (n *Node) PushTrusting(ctx context.Context, from, to string) error {
	transport, err := n.transport()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(transport), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}),
	}
	source, err := name.ParseReference(from)
	if err != nil {
		return err
	}
	target, err := name.ParseReference(Registry + "/" + to)
	if err != nil {
		return err
	}
	image, err := remote.Image(source, options...)
	if err != nil {
		return fmt.Errorf("find image %q: %w", from, err)
	}
	authority, err := os.ReadFile(n.CA)
	if err != nil {
		return err
	}
	layer, err := layerOf("etc/ssl/certs/ca-certificates.crt", 0o644, authority)
	if err != nil {
		return err
	}
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return err
	}
	if err := remote.Write(target, image, options...); err != nil {
		return fmt.Errorf("push image %q: %w", to, err)
	}
	return nil
}

func imageOf(program string) (v1.Image, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	path := filepath.Base(program)
	layer, err := layerOf(path, 0o755, content)
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{Entrypoint: []string{"/" + path}, User: "65532:65532"}
	return mutate.ConfigFile(image, file)
}

// layerOf has one file.
func layerOf(path string, mode int64, content []byte) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: path, Mode: mode, Size: int64(len(content))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
}
