package install_test

import "testing"

// What somebody else has called as we call ours gets none of the agent's rights, and does not go with it; no flag changes that.
func TestSomebodyElses(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.refuses("install --image registry.example.com/kubectl-oci/agent", "has neither a tag nor a digest")
	c.kubectl("create namespace team-a")
	c.kubectl("create serviceaccount agent -n team-a")
	c.kubectl("create configmap policy -n team-a --from-literal=theirs=1")
	c.refuses("install -n team-a --wait=false --force-conflicts", `error: serviceaccount/agent in namespace "team-a" is somebody else's: `, "hint: -n names another namespace")
	if c.exists("clusterrole/oci-agent") || c.exists("crd/ocirepositories.source.toolkit.fluxcd.io") {
		t.Error("something was installed all the same")
	}
	c.refuses("uninstall --yes -n team-a", "no agent is installed")
	c.kubectl("delete serviceaccount agent -n team-a")
	c.refuses("install -n team-a --wait=false --policy "+writePolicy(t), `error: configmap/policy in namespace "team-a" is somebody else's: `)

	c.kubectl("label configmap policy -n team-a app.kubernetes.io/part-of=kubectl-oci") // it was for the agent
	c.oci("install -n team-a --wait=false --policy " + writePolicy(t))
	c.oci("uninstall --yes -n team-a")
	c.gone("team-a")
}

// An upgrade says what the line before it said, or is refused: rules do not end because nobody thinks of them. Replicas are as many as before.
func TestNothingIsForgotten(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	policy := " --policy " + writePolicy(t)
	const root = " --trusted-root manifests/components/trusted-root/trusted_root.json"
	c.oci("install --wait=false --replicas 3" + policy + root)
	for _, line := range []string{"install --wait=false", "install --dry-run=server"} {
		c.refuses(line+root, `error: the agent in namespace "oci-system" has a policy, and would lose it`, "hint: --policy FILE gives it, as before; --policy=none takes it away")
		c.refuses(line+policy, `error: the agent in namespace "oci-system" has a trusted root, and would lose it`)
	}
	c.says(c.oci("install --wait=false"+policy+root), "deployment.apps/agent unchanged\n", "configmap/policy unchanged\n")
	c.kubectl("scale deployment agent -n oci-system --replicas=4")
	c.says(c.oci("install --wait=false"+policy+root), "deployment.apps/agent unchanged\n")
	c.says(c.oci("install --wait=false --policy=none --dry-run=server"+root), "configmap/policy would be removed\n")
	if !c.exists("configmap/policy -n oci-system") {
		t.Error("a dry run has removed the policy")
	}
	c.says(c.oci("install --wait=false --policy=none"+root), "removed: --policy=/etc/oci-agent/policy.yaml\n", "configmap/policy removed\n")
	c.says(c.oci("install --wait=false --trusted-root=none"), "configmap/trusted-root-", " removed\n")
}

// Another profile takes away what only the one before it had, rights above all. What a component has added is its own affair.
func TestAnotherProfile(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.oci("install --wait=false")
	c.kubectl("create configmap agent-dashboard -n oci-system")
	c.kubectl("label configmap agent-dashboard -n oci-system app.kubernetes.io/part-of=kubectl-oci")
	c.says(c.oci("install --profile tenant -n oci-system --wait=false"),
		"clusterrolebinding.rbac.authorization.k8s.io/oci-agent removed\n", "clusterrole.rbac.authorization.k8s.io/oci-agent removed\n")
	c.says(c.oci("install --profile mirror --image mirror.internal/agent:v1 --wait=false --policy "+writePolicy(t)),
		"role.rbac.authorization.k8s.io/oci-agent removed\n", "rolebinding.rbac.authorization.k8s.io/oci-agent removed\n")
	c.says(c.oci("install --wait=false --policy=none --trusted-root=none"), "networkpolicy.networking.k8s.io/agent-egress removed\n")
	if !c.exists("configmap/agent-dashboard -n oci-system") || !c.exists("rolebinding/agent -n oci-system") {
		t.Error("too much was removed")
	}
}

// kubectl and the plugin write the same: neither is in the other's way, whichever came first.
func TestBothWays(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, apply := range []string{"apply -k manifests", "apply --server-side -k manifests"} {
		c.kubectl(apply)
		c.says(c.oci("install --wait=false"), "deployment.apps/agent unchanged\n")
		c.kubectl(apply)
		c.oci("uninstall --yes")
		c.gone("oci-system")
	}
}
