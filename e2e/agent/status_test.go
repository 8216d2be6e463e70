package agent_test

import (
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

func TestFirst(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	r.create("app", v1.OCIRepositorySpec{URL: "oci://" + reg.Host + "/app", Reference: &v1.OCIRepositoryRef{Tag: "v1"}})
	o := r.until("app", exposes(first.revision("v1")))
	download(t, o)
	t.Log(r.story())
	t.Log(control.front.calls(r.namespace))
}
