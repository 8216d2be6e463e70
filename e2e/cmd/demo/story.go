package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

const (
	namespace  = "flux-system" // the RFC's
	object     = "ocirepository/app-config"
	crd        = "crd/ocirepositories.source.toolkit.fluxcd.io"
	repository = "org/app-config"
	tag        = "v1.0.0"
)

func (s *stage) tell(ctx context.Context) error {
	steps := []func(context.Context) error{s.install, s.push, s.apply, s.look, s.change, s.look}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.say("done: a folder went through the registry to a place inside the cluster, and a change followed it")
	return nil
}

func (s *stage) install(ctx context.Context) error {
	s.say("installing the CRD and starting the agent")
	if err := s.makeOnce(ctx, crd, []string{"kubectl", "apply", "--server-side", "-k", "manifests/crd"}); err != nil {
		return err
	}
	if err := s.makeOnce(ctx, "namespace/"+namespace, []string{"kubectl", "create", "namespace", namespace}); err != nil {
		return err
	}
	var err error
	s.agent, err = product.StartAgent(ctx, product.AgentOptions{Path: s.binaries.Agent, Kubeconfig: s.cluster, Dir: s.dir})
	if err != nil {
		return err
	}
	s.onClose(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if s.agent.Terminate(ctx) != nil {
			s.agent.Stop()
		}
	})
	return nil
}

// makeOnce makes an object of the cluster unless it is there, and removes at the end what it made.
func (s *stage) makeOnce(ctx context.Context, name string, command []string) error {
	if s.there(ctx, name) {
		return nil
	}
	s.onClose(func() {
		_, _ = s.command(context.WithoutCancel(ctx), "", "kubectl", "delete", name, "--wait=false")
	})
	_, err := s.command(ctx, "", command...)
	return err
}

func (s *stage) push(ctx context.Context) error {
	s.say("pushing a folder")
	_, err := s.command(ctx, "", "kubectl-oci", "push", s.reference(), "-f", "./examples/app-config")
	return err
}

func (s *stage) reference() string { return s.registry + "/" + repository + ":" + tag }

func (s *stage) apply(ctx context.Context) error {
	s.say("applying the RFC's own OCIRepository, with this registry in place of docker.io")
	raw, err := os.ReadFile(filepath.Join(s.root, "examples", "ocirepository.yaml"))
	if err != nil {
		return err
	}
	manifest := strings.ReplaceAll(string(raw), "oci://docker.io/", "oci://"+s.registry+"/")
	fmt.Println(manifest)
	s.onClose(func() {
		_, _ = s.command(context.WithoutCancel(ctx), "", "kubectl", "delete", object, "-n", namespace)
	})
	if _, err := s.command(ctx, manifest, "kubectl", "apply", "-f", "-"); err != nil {
		return err
	}
	_, err = s.command(ctx, "", "kubectl", "wait", object, "-n", namespace, "--for=condition=Ready", "--timeout=60s")
	return err
}

// look downloads what is exposed, checks it as a consumer does, and lists it.
func (s *stage) look(ctx context.Context) error {
	s.say("what the cluster sees")
	if _, err := s.command(ctx, "", "kubectl", "get", object, "-n", namespace); err != nil {
		return err
	}
	out, err := s.command(ctx, "", "kubectl", "get", object, "-n", namespace, "-o",
		`jsonpath={.status.artifact.url} {.status.artifact.digest} {.status.artifact.revision}{"\n"}`)
	if err != nil {
		return err
	}
	fields := strings.Fields(out)
	if len(fields) != 3 {
		return fmt.Errorf("status.artifact is %q", out)
	}
	body, err := download(ctx, fields[0])
	if err != nil {
		return err
	}
	if digest := fmt.Sprintf("sha256:%x", sha256.Sum256(body)); digest != fields[1] {
		return fmt.Errorf("download %s: digest %s is not the advertised %s", fields[0], digest, fields[1])
	}
	fmt.Printf("downloaded %d bytes, the digest is the advertised one; in it:\n", len(body))
	return list(body)
}

func download(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("download %s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func list(archive []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Printf("  %6d  %s\n", h.Size, h.Name)
	}
}

// change pushes another folder under the same tag and waits until the cluster advertises it.
func (s *stage) change(ctx context.Context) error {
	s.say("pushing a change under the same tag, and asking for a poll instead of waiting for the interval")
	changed := filepath.Join(s.dir, "changed")
	if err := os.CopyFS(changed, os.DirFS(filepath.Join(s.root, "examples", "app-config"))); err != nil {
		return err
	}
	config := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: changed\n"
	if err := os.WriteFile(filepath.Join(changed, "configmap.yaml"), []byte(config), 0o600); err != nil {
		return err
	}
	pushed, err := s.command(ctx, "", "kubectl-oci", "push", s.reference(), "-f", changed)
	if err != nil {
		return err
	}
	_, digest, _ := strings.Cut(pushed, "@")
	asked := time.Now()
	if _, err := s.command(ctx, "", "kubectl", "annotate", object, "-n", namespace, "--overwrite",
		"reconcile.fluxcd.io/requestedAt="+asked.UTC().Format(time.RFC3339Nano)); err != nil {
		return err
	}
	_, err = s.command(ctx, "", "kubectl", "wait", object, "-n", namespace, "--timeout=60s",
		"--for=jsonpath={.status.artifact.revision}="+tag+"@"+digest)
	if err == nil {
		fmt.Printf("the new revision is there after %s\n", time.Since(asked).Round(time.Millisecond))
	}
	return err
}
