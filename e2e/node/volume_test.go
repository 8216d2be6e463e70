//go:build linux

package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/node"
)

const volumePod = `apiVersion: v1
kind: Pod
metadata: {name: mounted}
spec:
  containers:
    - name: files
      image: ` + node.Registry + `/workload:v1
      args: [files, /config]
      readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
      volumeMounts: [{name: config, mountPath: /config, readOnly: true}]
  volumes:
    - {name: config, image: {reference: REFERENCE}}
`

// An artifact is a volume: containerd takes its config for that of an image, and unpacks its layer.
func TestImageVolume(t *testing.T) {
	t.Parallel()
	here(t)
	dir := copyExample(t, "mounted")
	reference := strings.TrimSpace(kubectl(t, "oci", "push", node.Registry+"/org/mounted:v1", "-f", dir))
	apply(t, strings.ReplaceAll(volumePod, "REFERENCE", reference))
	t.Cleanup(func() { kubectl(t, "delete", "pod/mounted", "--now", "--wait=false") })
	if _, err := try(t, "wait", "--for=condition=Ready", "--timeout=30s", "pod/mounted"); err != nil {
		t.Fatal(err, kubectl(t, "describe", "pod/mounted"))
	}
	want, err := os.ReadFile(filepath.Join(dir, "deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := kubectl(t, "get", "--raw", "/api/v1/namespaces/default/pods/mounted:8080/proxy/deployment.yaml"); got != string(want) {
		t.Errorf("the volume has %q, want %q", got, want)
	}
}
