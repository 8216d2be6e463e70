package product

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
)

// The Pod is this machine: the API server's proxy leads only to addresses of Pods, and never to loopback. On no node, it would not become an
// endpoint by itself.
const pod = `apiVersion: v1
kind: Namespace
metadata: {name: agent-here}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: agent-here}
spec: {containers: [{name: agent, image: none}]}
---
apiVersion: v1
kind: Service
metadata: {name: agent, namespace: agent-here}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: agent, namespace: agent-here}
subsets:
  - addresses: [{ip: %s, targetRef: {kind: Pod, name: agent, namespace: agent-here}}]
    ports: [{name: http, port: %s}]
`

const podStatus = `{"status":{"phase":"Running","podIP":%q,"podIPs":[{"ip":%q}]}}`

// StartAgentAsService runs the agent at an address of this machine behind a Service of the cluster, as where there are nodes, so that the
// API server's proxy leads to what it serves.
func StartAgentAsService(ctx context.Context, kubectl string, o AgentOptions) (*Agent, error) {
	here, err := outward()
	if err != nil {
		return nil, err
	}
	address, err := FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for _, step := range []struct {
		stdin string
		args  []string
	}{
		{fmt.Sprintf(pod, here, port), []string{"create", "-f", "-"}},
		{"", []string{"patch", "pod/agent", "-n", "agent-here", "--subresource=status", "--type=merge", "-p", fmt.Sprintf(podStatus, here, here)}},
	} {
		cmd := exec.CommandContext(ctx, kubectl, step.args...)
		cmd.Env, cmd.Stdin = append(os.Environ(), "KUBECONFIG="+o.Kubeconfig), strings.NewReader(step.stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("kubectl %s: %w\n%s", step.args[0], err, out)
		}
	}
	o.Storage = net.JoinHostPort(here, port)
	o.Args = append(o.Args, "--storage-adv-addr=agent.agent-here.svc")
	o.Env = append(o.Env, "RUNTIME_NAMESPACE=agent-here")
	return StartAgent(ctx, o)
}

// outward is an address of this machine that is not for itself alone.
func outward() (string, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String(), nil
		}
	}
	return "", errors.New("this machine has no address but loopback: the API server's proxy leads to none of those")
}
