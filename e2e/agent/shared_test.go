package agent_test

import (
	"fmt"
	"testing"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Objects of one repository that are polled at the same time, as after a restart, ask the registry once; whoever asks for a poll is not
// told what the registry said before.
func TestEqualPollsAreShared(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ref  v1.OCIRepositoryRef
		asks int // requests per poll
	}{
		"tag":    {v1.OCIRepositoryRef{Tag: "v1.0.0"}, 1},
		"semver": {v1.OCIRepositoryRef{SemVer: "1.x"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const objects = 50
			r := newShard(t, "shared-"+name)
			reg := registry.For(t, registry.Options{Auth: registry.Token, Users: []registry.User{alice}})
			a := runAgent(t, agentOptions{Shard: r.shard, Args: []string{"--poll-window=30m"}})
			spec := at(reg, "app")
			spec.Reference = &test.ref
			spec.Interval = v1.Duration{Duration: 24 * time.Hour} // of which a twentieth is more than the window
			spec.SecretRef = r.pullSecret("regcred", reg.Host, alice.Name, alice.Password)
			first := push(t, reg, "app", folder("a.yaml", "a: 1\n"), "v1.0.0")
			names := make([]string, objects)
			for i := range names {
				names[i] = fmt.Sprintf("app-%d", i)
				r.create(names[i], spec)
			}
			for _, name := range names {
				r.until(name, exposes(first.revision("v1.0.0")))
			}
			a.terminate(t)

			second := push(t, reg, "app", folder("a.yaml", "a: 2\n"), "v1.0.0")
			before := reg.Proxy.Counts()
			a.again(t)
			for _, name := range names {
				r.until(name, exposes(second.revision("v1.0.0")))
			}
			if n := polls(reg.Proxy.Counts().Sub(before)); n != test.asks {
				t.Errorf("%d objects that are polled together send %d requests, want %d", objects, n, test.asks)
			}

			third := push(t, reg, "app", folder("a.yaml", "a: 3\n"), "v1.0.0")
			before = reg.Proxy.Counts()
			if o := r.poll(names[0]); !exposes(third.revision("v1.0.0")).is(o) {
				t.Errorf("who asks for a poll is told %s", o.Status.Artifact.Revision)
			}
			if n := polls(reg.Proxy.Counts().Sub(before)); n != test.asks {
				t.Errorf("a requested poll sends %d requests, want %d", n, test.asks)
			}
		})
	}
}

// polls is how many requests ask what is new.
func polls(c proxy.Counts) int { return c.Of("HEAD", proxy.Manifest) + c.Of("GET", proxy.Tags) }
