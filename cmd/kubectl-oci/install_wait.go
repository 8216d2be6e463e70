package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// lookAgain is the time between two looks at what is waited for: three objects of different kinds.
const lookAgain = time.Second

// awaitAgent waits until the Deployment has rolled out and one of its replicas leads. It says what it waits for whenever that changes.
func (o *installOptions) awaitAgent(ctx context.Context, c *connection, report *reporter) error {
	ctx, cancel := context.WithCancelCause(ctx) // no deadline: the client fails before one, with an error of its own
	defer cancel(nil)
	defer time.AfterFunc(o.timeout, func() { cancel(errWaited) }).Stop()
	w := &rollout{connection: c, namespace: o.objects.namespace(), report: report, told: map[string]bool{}}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		pending, err := w.look(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("wait for the agent: %w", err)
		case err == nil && pending == "":
			report.line("the agent runs in namespace %q", w.namespace)
			return nil
		}
		w.say(pending)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return w.ended(ctx, o.timeout)
		}
	}
}

// rollout is the way of a Deployment to its new version.
type rollout struct {
	*connection
	namespace string
	report    *reporter
	pending   string          // what was waited for last
	told      map[string]bool // troubles of Pods
	hint      string
}

func (w *rollout) say(pending string) {
	if pending != "" && pending != w.pending {
		w.pending = pending
		w.report.line("waiting: %s", pending)
	}
}

func (w *rollout) ended(ctx context.Context, patience time.Duration) error {
	if !expired(ctx) {
		return context.Cause(ctx)
	}
	hint := w.hint
	if hint == "" {
		hint = fmt.Sprintf("kubectl describe pods -n %s -l %s; --timeout sets how long to wait", w.namespace, agentPods)
	}
	return &hintedError{fmt.Errorf("the agent does not run after %s: %s", patience, w.pending), hint}
}

// look says what is still missing; empty: nothing.
func (w *rollout) look(ctx context.Context) (pending string, err error) {
	d := &appsv1.Deployment{}
	if err := w.get(ctx, deploymentResource(), agentName, d); err != nil {
		return "", err
	}
	if pending := unfinished(d); pending != "" {
		w.tellTroubles(ctx, d)
		return pending, nil
	}
	lease := &coordinationv1.Lease{}
	err = w.get(ctx, leaseResource(), agentLease, lease)
	switch {
	case apierrors.IsForbidden(err):
		return "", nil // whoever may install it need not see this
	case err != nil && !apierrors.IsNotFound(err):
		return "", err
	case lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "":
		return "all replicas are ready, none of them leads yet", nil
	}
	return "", nil
}

func leaseResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
}

func (w *rollout) get(ctx context.Context, kind schema.GroupVersionResource, name string, into any) error {
	u, err := w.client.Resource(kind).Namespace(w.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into)
}

// unfinished says what a Deployment lacks of all replicas in their newest version; empty: nothing.
func unfinished(d *appsv1.Deployment) string {
	want, s := int32(1), d.Status
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	switch {
	case s.ObservedGeneration < d.Generation:
		return "for the Deployment to be noticed"
	case s.UpdatedReplicas < want:
		return fmt.Sprintf("%d of %d replicas are of this version", s.UpdatedReplicas, want)
	case s.Replicas > s.UpdatedReplicas:
		return fmt.Sprintf("for %d of the version before to end", s.Replicas-s.UpdatedReplicas)
	case s.AvailableReplicas < want:
		return fmt.Sprintf("%d of %d replicas are ready", s.AvailableReplicas, want)
	}
	return ""
}

// tellTroubles says once of each Pod what keeps it from being ready.
func (w *rollout) tellTroubles(ctx context.Context, d *appsv1.Deployment) {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			w.tell("deployment/"+d.Name, c.Reason, c.Message)
		}
	}
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	list, err := w.client.Resource(pods).Namespace(w.namespace).List(ctx, metav1.ListOptions{LabelSelector: agentPods})
	if err != nil {
		return // what is known of the Deployment has to do
	}
	for _, u := range list.Items {
		pod := &corev1.Pod{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, pod); err == nil {
			reason, message := trouble(pod)
			w.tell("pod/"+pod.Name, reason, message)
		}
	}
}

func (w *rollout) tell(what, reason, message string) {
	line := fmt.Sprintf("%s: %s: %s", what, reason, oneLineOf(message))
	if key := what + reason; reason != "" && !w.told[key] {
		w.told[key] = true
		w.report.line("%s", line)
		if hint := hintFromReason(reason, w.namespace); hint != "" {
			w.hint = hint
		}
	}
}

// trouble is why a Pod is not ready; empty where nothing is wrong yet.
func trouble(pod *corev1.Pod) (reason, message string) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Reason, c.Message
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		waiting := s.State.Waiting
		if waiting == nil || waiting.Reason == "ContainerCreating" || waiting.Reason == "PodInitializing" {
			continue
		}
		message := waiting.Message
		if last := s.LastTerminationState.Terminated; last != nil {
			message = strings.TrimSpace(fmt.Sprintf("exit code %d %s; %s", last.ExitCode, last.Message, message))
		}
		return waiting.Reason, message
	}
	return "", ""
}

func hintFromReason(reason, namespace string) string {
	switch {
	case strings.Contains(reason, "Image"):
		return "--image names the agent's image where the nodes can pull it"
	case reason == "CrashLoopBackOff":
		return "why it ends: kubectl logs -n " + namespace + " deployment/" + agentName
	}
	return ""
}
