package install_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// unknownImage is in the name of images that the node cannot pull.
const unknownImage = "nowhere"

// node runs the agent's Pods as processes.
type node struct {
	t         *testing.T
	dir       string
	admin     kubernetes.Interface
	raw       string   // kubeconfig of the cluster's administrator
	addresses []string // of the file servers, for as many Pods as there are at a time

	mu   sync.Mutex
	pods map[string]*podProcess
	work sync.WaitGroup
}

type podProcess struct {
	agent   *product.Agent
	address string
}

func startNode(c *cluster) *node {
	c.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		c.t.Fatal(err)
	}
	admin, err := kubernetes.NewForConfig(config)
	if err != nil {
		c.t.Fatal(err)
	}
	raw, err := os.ReadFile(c.Kubeconfig)
	if err != nil {
		c.t.Fatal(err)
	}
	n := &node{t: c.t, dir: c.t.TempDir(), admin: admin, raw: string(raw), pods: map[string]*podProcess{}}
	for range 4 { // two replicas, and two that take their place
		address, err := product.FreeAddress(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		n.addresses = append(n.addresses, address)
	}
	n.start()
	return n
}

func (n *node) start() {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.t.Context())
	watcher, err := n.admin.CoreV1().Pods("").Watch(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=agent"})
	if err != nil {
		n.t.Fatal(err)
	}
	n.work.Go(func() {
		for event := range watcher.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			switch {
			case ok && event.Type == watch.Added:
				n.work.Go(func() { n.run(ctx, pod) })
			case ok && event.Type == watch.Deleted:
				n.work.Go(func() { n.end(ctx, pod.Name) })
			}
		}
	})
	n.t.Cleanup(func() {
		cancel()
		watcher.Stop()
		n.work.Wait()
		for _, p := range n.pods {
			p.agent.Stop()
		}
	})
}

// run starts a Pod's process, and says when it is ready.
func (n *node) run(ctx context.Context, pod *corev1.Pod) {
	container := pod.Spec.Containers[0]
	if strings.Contains(container.Image, unknownImage) {
		n.report(ctx, pod, corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
			Name: container.Name, Image: container.Image,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}},
		}}})
		return
	}
	agent, address, err := n.exec(ctx, pod)
	if err != nil {
		if ctx.Err() == nil {
			n.t.Errorf("pod %s: %v", pod.Name, err)
		}
		return
	}
	n.mu.Lock()
	n.pods[pod.Name] = &podProcess{agent, address}
	n.mu.Unlock()
	n.report(ctx, pod, corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: "10.0.0.1",
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}},
	})
}

func (n *node) exec(ctx context.Context, pod *corev1.Pod) (*product.Agent, string, error) {
	dir := filepath.Join(n.dir, pod.Name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", err
	}
	const key = "    client-certificate-data:"
	account := fmt.Sprintf("    as: system:serviceaccount:%s:%s\n", pod.Namespace, pod.Spec.ServiceAccountName)
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(strings.Replace(n.raw, key, account+key, 1)), 0o600); err != nil {
		return nil, "", err
	}
	args, err := n.args(ctx, pod, dir)
	if err != nil {
		return nil, "", err
	}
	address := n.take(pod.Name)
	agent, err := product.StartAgent(ctx, product.AgentOptions{
		Path: binaries.Agent, Kubeconfig: kubeconfig, Dir: dir, Storage: address, Args: args,
		Env: []string{"GORACE=halt_on_error=1", "RUNTIME_NAMESPACE=" + pod.Namespace},
	})
	return agent, address, err
}

// take gives a Pod an address that none of the others has.
func (n *node) take(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	used := map[string]bool{}
	for _, p := range n.pods {
		used[p.address] = true
	}
	for _, address := range n.addresses {
		if !used[address] {
			n.pods[name] = &podProcess{address: address}
			return address
		}
	}
	panic("more Pods than addresses")
}

// args are the Pod's own, with what a network and a file system of its own would give it in other places here.
func (n *node) args(ctx context.Context, pod *corev1.Pod, dir string) (args []string, err error) {
	for _, arg := range pod.Spec.Containers[0].Args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "--storage-path", "--storage-addr", "--metrics-addr", "--health-addr":
			continue // the process has its own
		case "--replicas":
			value = strings.Join(n.addresses, ",")
		case "--policy", "--trusted-root":
			if value, err = n.file(ctx, pod, value, dir); err != nil {
				return nil, err
			}
		}
		if value != "" {
			name += "=" + strings.ReplaceAll(value, "$(RUNTIME_NAMESPACE)", pod.Namespace)
		}
		args = append(args, name)
	}
	return args, nil
}

// file has what is mounted at a path in a file here.
func (n *node) file(ctx context.Context, pod *corev1.Pod, path, dir string) (string, error) {
	for _, mount := range pod.Spec.Containers[0].VolumeMounts {
		if mount.MountPath != filepath.Dir(path) {
			continue
		}
		for _, volume := range pod.Spec.Volumes {
			if volume.Name != mount.Name || volume.ConfigMap == nil {
				continue
			}
			m, err := n.admin.CoreV1().ConfigMaps(pod.Namespace).Get(ctx, volume.ConfigMap.Name, metav1.GetOptions{})
			if err != nil {
				return "", err
			}
			here := filepath.Join(dir, "mounted-"+filepath.Base(path))
			return here, os.WriteFile(here, []byte(m.Data[filepath.Base(path)]), 0o600)
		}
	}
	return "", fmt.Errorf("nothing is mounted at %s", path)
}

// end does what the kubelet does when a Pod is deleted.
func (n *node) end(ctx context.Context, name string) {
	n.mu.Lock()
	p := n.pods[name]
	n.mu.Unlock()
	if p == nil || p.agent == nil {
		return
	}
	if err := p.agent.Terminate(ctx); err != nil && ctx.Err() == nil {
		n.t.Errorf("pod %s: %v", name, err)
	}
	n.mu.Lock()
	delete(n.pods, name)
	n.mu.Unlock()
}

func (n *node) report(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) {
	pod.Status = status
	if _, err := n.admin.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil && ctx.Err() == nil {
		n.t.Errorf("pod %s: %v", pod.Name, err)
	}
}

// serves downloads from all Pods that the Service would lead to, and gives how many they are.
func (n *node) serves(ctx context.Context, path string) (ready int, err error) {
	pods, err := n.admin.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=agent"})
	if err != nil {
		return 0, err
	}
	for _, pod := range pods.Items {
		n.mu.Lock()
		p := n.pods[pod.Name]
		n.mu.Unlock()
		if pod.DeletionTimestamp != nil || p == nil || p.agent == nil || len(pod.Status.Conditions) == 0 {
			continue
		}
		code, err := get(ctx, "http://"+p.address+path)
		if err != nil || code != http.StatusOK {
			if _, gone := n.admin.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{}); gone != nil {
				continue // meanwhile
			}
			return ready, fmt.Errorf("pod %s: %d, %w", pod.Name, code, err)
		}
		ready++
	}
	return ready, nil
}

func get(ctx context.Context, url string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
