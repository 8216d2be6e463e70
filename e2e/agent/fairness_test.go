package agent_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// A tenant with many objects whose registry does not answer keeps no other tenant waiting.
func TestSlowTenantStarvesNobody(t *testing.T) {
	t.Parallel()
	slow, quick := newShard(t, "fair"), newShard(t, "fair")
	reg := registry.For(t, registry.Options{})
	stuck := reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Path: regexp.MustCompile("^/v2/slow/"), Delay: time.Hour})
	p := push(t, reg, "quick", folder("a.yaml", "a: 1\n"), "v1")
	runAgent(t, agentOptions{Shard: "fair", Args: []string{"--concurrent=2"}})
	patient := tagged(reg, "slow", "v1")
	patient.Timeout = &v1.Duration{Duration: 5 * time.Minute}
	for i := range 50 {
		slow.create(fmt.Sprintf("app-%d", i), patient)
	}
	untilHits(t, reg, stuck, 1)
	quick.create("app", tagged(reg, "quick", "v1"))
	quick.until("app", exposes(p.revision("v1")))
}

// A run ends when nobody waits for it any more: the object's next one does not wait for a registry that does not answer.
func TestRunInProgressIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*v1.OCIRepository)
		answer func(*room, int64, pushed) // waits for it
	}{
		"spec": {
			func(o *v1.OCIRepository) { o.Spec.Reference.Tag = "v2" },
			func(r *room, _ int64, p pushed) { r.until("app", exposes(p.revision("v2"))) },
		},
		"suspend": {
			func(o *v1.OCIRepository) { o.Spec.Suspend = true },
			func(r *room, generation int64, _ pushed) {
				r.until("app", want{"answered", func(o *v1.OCIRepository) bool { return o.Status.ObservedGeneration == generation }})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			reg := registry.For(t, registry.Options{})
			first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
			spec := tagged(reg, "app", "v1")
			spec.Timeout = &v1.Duration{Duration: 5 * time.Minute}
			r.create("app", spec)
			r.until("app", exposes(first.revision("v1")))
			next := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v2")
			push(t, reg, "app", folder("a.yaml", "a: 3\n"), "v1")
			stuck := reg.Proxy.During(t, proxy.Fault{Method: "GET", Path: regexp.MustCompile("/manifests/"), Delay: time.Hour, Times: 1})
			r.ask("app")
			untilHits(t, reg, stuck, 1)
			test.answer(r, r.change("app", test.change), next)
		})
	}
}

// An object that is deleted while it is fetched leaves its worker and its connections to others.
func TestDeletionGivesUpARun(t *testing.T) {
	t.Parallel()
	r := newShard(t, "deletion")
	reg := registry.For(t, registry.Options{})
	stuck := reg.Proxy.During(t, proxy.Fault{Method: "HEAD", Path: regexp.MustCompile("^/v2/stuck/"), Delay: time.Hour})
	p := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1")
	runAgent(t, agentOptions{Shard: "deletion", Args: []string{"--concurrent=1"}})
	patient := tagged(reg, "stuck", "v1")
	patient.Timeout = &v1.Duration{Duration: 5 * time.Minute}
	r.create("stuck", patient)
	untilHits(t, reg, stuck, 1)
	r.create("app", tagged(reg, "app", "v1"))
	if err := control.admin.Delete(soon(t), r.get("stuck"), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	r.until("app", exposes(p.revision("v1")))
}
