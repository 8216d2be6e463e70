package docs_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// startNode says of each of the agent's Pods, as a kubelet would, that it is ready, and takes the lease, as the agent in it would: there is no
// node here, so that what pages install does not run. e2e/install runs it as processes, e2e/node in containers.
func startNode(t *testing.T) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", here.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	pods, err := admin.CoreV1().Pods("").Watch(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=agent"})
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for event := range pods.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if !ok || event.Type != watch.Added {
				continue
			}
			if err := pretend(ctx, admin, pod); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		pods.Stop()
		work.Wait()
	})
}

func pretend(ctx context.Context, admin kubernetes.Interface, pod *corev1.Pod) error {
	ready := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}
	pod.Status.Phase, pod.Status.Conditions = corev1.PodRunning, []corev1.PodCondition{ready}
	_, err := admin.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "oci-agent"}, Spec: coordinationv1.LeaseSpec{HolderIdentity: &pod.Name}}
	_, taken := admin.CoordinationV1().Leases(pod.Namespace).Create(ctx, lease, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(taken) {
		taken = nil
	}
	return errors.Join(err, taken)
}
