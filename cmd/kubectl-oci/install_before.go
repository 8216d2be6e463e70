package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// checkBefore looks at the agent that is installed: its number of replicas stays, and no rules of its administrator's end because a line
// does not name them.
func (o *installOptions) checkBefore(ctx context.Context, c *connection) error {
	deployment := o.objects.deployment()
	live, err := c.at(deployment).Get(ctx, deployment.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", objectTitle(deployment), err)
	}
	if n, found, _ := unstructured.NestedInt64(live.Object, "spec", "replicas"); found && n > 0 && !o.resize {
		o.objects.setReplicas(int(n))
	}
	return o.forgets(live)
}

// forgets refuses to take a file from the agent that nobody has asked to take.
func (o *installOptions) forgets(live *unstructured.Unstructured) error {
	for _, file := range []struct{ flag, value, what string }{
		{policyMount().flag, o.policy, "a policy"}, {rootMount().flag, o.root, "a trusted root"},
	} {
		if file.value == "" && hasFlag(live, file.flag) && !hasFlag(o.objects.deployment(), file.flag) {
			return &hintedError{fmt.Errorf("the agent in namespace %q has %s, and would lose it", live.GetNamespace(), file.what),
				fmt.Sprintf("%[1]s FILE gives it, as before; %[1]s=%[2]s takes it away", file.flag, noFile)}
		}
	}
	return nil
}

func hasFlag(deployment *unstructured.Unstructured, flag string) bool {
	containers, _, _ := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	return slices.ContainsFunc(containers, func(c any) bool {
		container, _ := c.(map[string]any)
		args, _, _ := unstructured.NestedStringSlice(container, "args")
		return slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, flag+"=") })
	})
}

// superseded gives what an earlier installation of another profile, or with other files, has made, and this one does without. It goes when
// the new agent runs: rights that nothing needs any more, rules that nobody has asked for. What others have added stays.
func (o *installOptions) superseded(ctx context.Context, c *connection, streams genericiooptions.IOStreams) (left installation, err error) {
	found, err := c.applied(ctx, o.objects.namespace())
	if apierrors.IsForbidden(err) {
		return nil, nil // nothing is removed by somebody who cannot see it
	}
	if err != nil {
		return nil, err
	}
	for _, u := range found.ours {
		wanted := slices.ContainsFunc(o.objects, func(w *unstructured.Unstructured) bool {
			return w.GroupVersionKind().GroupKind() == u.GroupVersionKind().GroupKind() && w.GetName() == u.GetName()
		})
		if !wanted && slices.Equal(managersOf(u), []string{fieldManager}) {
			left = append(left, u)
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	if err := c.permitted(ctx, left, []string{"delete"}, streams.ErrOut); err != nil {
		return nil, errors.Join(errors.New("what an earlier installation has made is to go"), err)
	}
	return left, nil
}
