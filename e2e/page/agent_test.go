package page

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/status"
)

func digestOf(seed string) string { return digest.FromString(seed).String() }

// busy is an agent with something of everything.
func busy() status.Agent {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	in := func(d time.Duration) time.Time { return now.Add(d + time.Second) }
	return status.Agent{
		Instance: "agent-7c9d8b5f64-x2x8k", Version: "v0.9.0", Leads: true, Leader: "agent-7c9d8b5f64-x2x8k",
		Store:      status.Store{Artifacts: 14, Bytes: 48_600_000},
		Registries: []status.Registry{{Host: "docker.io", Pulls: in(17 * time.Minute), Room: 16}},
		Objects: []status.Object{
			{
				Namespace: "payments", Name: "ledger", URL: "oci://ghcr.io/acme/payments/ledger", Reference: "semver >=2.0.0 <3.0.0", Interval: 5 * time.Minute,
				State: status.Ready, Revision: "2.4.1@" + digestOf("ledger 2.4.1"), Updated: ago(26 * time.Hour), LastPoll: ago(84 * time.Second), NextPoll: in(216 * time.Second),
				Signature: status.Verified,
			},
			{
				Namespace: "payments", Name: "fraud-rules", URL: "oci://ghcr.io/acme/payments/fraud-rules", Reference: "tag production", Interval: 5 * time.Minute,
				State: status.Failing, Revision: "production@" + digestOf("rules of before"), Updated: ago(9 * 24 * time.Hour), LastPoll: ago(41 * time.Second), NextPoll: in(4 * time.Minute),
				Signature: status.Refused, Reason: "VerificationError",
				Message: "verify ghcr.io/acme/payments/fraud-rules@sha256:5b2e7a0c91d4: no signature by a key of Secret \"release-keys\": 1 signature is there, by another key",
			},
			{
				Namespace: "shop", Name: "basket", URL: "oci://docker.io/acme/basket", Reference: "tag main", Interval: time.Minute,
				State: status.Failing, Revision: "main@" + digestOf("basket"), Updated: ago(3 * time.Hour), LastPoll: ago(12 * time.Second), NextPoll: in(17 * time.Minute),
				Signature: status.NotRequired, Reason: "OCIArtifactPullFailed",
				Message: "fetch docker.io/acme/basket:main: docker.io grants no more pulls for 17 minutes",
			},
			{
				Namespace: "shop", Name: "storefront", URL: "oci://ghcr.io/acme/storefront", Reference: "tag main", Interval: time.Minute,
				State: status.Ready, Revision: "main@" + digestOf("storefront"), Updated: ago(11 * time.Minute), LastPoll: ago(9 * time.Second), NextPoll: in(51 * time.Second),
				Signature: status.Verified,
			},
			{
				Namespace: "platform", Name: "ingress", URL: "oci://registry.acme.example/platform/ingress", Reference: "semver 1.x", Interval: time.Hour,
				State: status.Ready, Revision: "1.12.0@" + digestOf("ingress"), Updated: ago(40 * 24 * time.Hour), LastPoll: ago(22 * time.Minute), NextPoll: in(38 * time.Minute),
				Signature: status.NotRequired,
			},
			{
				Namespace: "platform", Name: "monitoring", URL: "oci://registry.acme.example/platform/monitoring:v3", Reference: "tag latest", Interval: 10 * time.Minute,
				State: status.Stalled, LastPoll: ago(2 * time.Hour), Signature: status.NotRequired, Reason: "URLInvalid",
				Message: "parse url \"oci://registry.acme.example/platform/monitoring:v3\": it holds a tag or a digest: write oci://registry.acme.example/platform/monitoring, and the rest into spec.ref",
			},
			{
				Namespace: "sandbox", Name: "experiment", URL: "oci://ghcr.io/acme/experiment", Reference: "tag latest", Interval: 10 * time.Minute,
				State: status.Suspended, Revision: "latest@" + digestOf("experiment"), Updated: ago(80 * 24 * time.Hour), Signature: status.NotRequired,
			},
		},
	}
}

// many is an agent with so many objects.
func many(n int) status.Agent {
	a := busy()
	a.Objects = nil
	for i := range n {
		o := status.Object{Namespace: []string{"apps", "infra"}[i%2], Name: fmt.Sprintf("app-%04d", i), URL: "oci://ghcr.io/acme/app", State: status.Ready, Signature: status.Verified}
		if i%5 == 0 {
			o.State, o.Reason, o.Message = status.Failing, "OCIArtifactPullFailed", "not found"
		}
		a.Objects = append(a.Objects, o)
	}
	return a
}
