package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// step is what becomes of one object.
type step struct {
	object  *unstructured.Unstructured
	foreign bool // somebody else made it: it stays as it is
	change  resource.Change
	diff    *resource.Diff
}

// installPlan is what an installation changes, in the order in which it is done.
type installPlan []step

// plan has the API server say what would become of each object, so that what it refuses is known before anything is changed.
func (o *installOptions) plan(ctx context.Context, c *connection) (plan installPlan, err error) {
	absent := "" // namespace that is yet to be made: nothing in it can be tried
	for _, u := range o.objects {
		s := step{object: u}
		live, err := c.at(u).Get(ctx, u.GetName(), metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			live = nil
		case err != nil:
			return nil, fmt.Errorf("get %s: %w", objectTitle(u), err)
		}
		if live == nil && u.GetKind() == "Namespace" {
			absent = u.GetName()
		}
		if live != nil && !isOurs(live) {
			if s.foreign = isShared(u); !s.foreign && !adopts(live) {
				return nil, somebodyElses(live)
			}
		}
		if err := o.try(ctx, c, &s, live, absent); err != nil {
			return nil, err
		}
		plan = append(plan, s)
	}
	return plan, nil
}

// adopts tells what may be changed though it has not our label: what we have changed before, and Flux's Service for the agent in
// source-controller's place.
func adopts(live *unstructured.Unstructured) bool {
	return slices.Contains(managersOf(live), fieldManager) || live.GetKind() == "Service" && live.GetName() == sourceController
}

// somebodyElses refuses what no force takes over: it would get our rights, and go with the agent.
func somebodyElses(live *unstructured.Unstructured) error {
	place := ""
	if namespace := live.GetNamespace(); namespace != "" {
		place = fmt.Sprintf(" in namespace %q", namespace)
	}
	return &hintedError{fmt.Errorf("%s%s is somebody else's: it has no label %s=%s", objectTitle(live), place, partOfLabel, partOf),
		"-n names another namespace for the agent; whoever made it can rename or remove it, or give it to the agent with that label"}
}

// isShared tells kinds of which somebody else's are left alone.
func isShared(u *unstructured.Unstructured) bool { return defines(u) || u.GetKind() == "Namespace" }

func (o *installOptions) try(ctx context.Context, c *connection, s *step, live *unstructured.Unstructured, absent string) (err error) {
	if s.foreign {
		return nil
	}
	result := s.object
	if s.object.GetNamespace() == "" || s.object.GetNamespace() != absent {
		result, err = o.send(ctx, c, s.object, true)
		switch {
		case apierrors.IsNotFound(err) && live == nil: // a binding, whose role is yet to be made
			result = s.object
		case err != nil:
			return err
		}
	}
	if s.diff, err = compareLive(live, result); err != nil {
		return err
	}
	if len(s.diff.Objects) > 0 {
		s.change = s.diff.Objects[0].Change
	}
	return nil
}

func (o *installOptions) send(ctx context.Context, c *connection, u *unstructured.Unstructured, dry bool) (*unstructured.Unstructured, error) {
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: o.force}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	result, err := c.at(u).Apply(ctx, u.GetName(), u, options)
	switch {
	case apierrors.IsConflict(err):
		return nil, &hintedError{fmt.Errorf("apply %s: %s", objectTitle(u), oneLine(err)), "--force-conflicts takes these fields over"}
	case err != nil:
		return nil, fmt.Errorf("apply %s: %w", objectTitle(u), err)
	}
	return result, nil
}

// compareLive says what differs between an object as it is, nil for none, and as it would be.
func compareLive(live, result *unstructured.Unstructured) (*resource.Diff, error) {
	before, after := &resource.Set{}, &resource.Set{}
	if live != nil {
		if err := readInto(before, "cluster", live); err != nil {
			return nil, err
		}
	}
	if err := readInto(after, "install", result); err != nil {
		return nil, err
	}
	return resource.Compare(before, after), nil
}

// readInto leaves out what the API server writes by itself.
func readInto(set *resource.Set, name string, u *unstructured.Unstructured) error {
	u = u.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(u.Object, "status")
	raw, err := yaml.Marshal(u.Object)
	if err != nil {
		return err
	}
	return set.Read(name, bytes.NewReader(raw))
}

// show prints all that would change.
func (plan installPlan) show(w io.Writer) error {
	for _, s := range plan {
		if _, err := fmt.Fprintln(w, s.line()); err != nil {
			return err
		}
		if s.change == resource.Changed {
			if err := s.diff.Unified(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// line says what becomes of the object.
func (s step) line() string {
	what := "unchanged"
	switch {
	case s.foreign:
		what = "left alone: somebody else made it"
	case s.change == resource.Added:
		what = "created"
	case s.change != "":
		what = "changed"
	}
	return objectTitle(s.object) + " " + what
}

// carryOut does all of the plan, as far as nothing fails.
func (o *installOptions) carryOut(ctx context.Context, c *connection, plan installPlan, streams genericiooptions.IOStreams) error {
	for _, s := range plan {
		if !s.foreign {
			if _, err := o.send(ctx, c, s.object, false); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(streams.Out, s.line()); err != nil {
			return err
		}
		for _, f := range s.fields() {
			if _, err := fmt.Fprintln(streams.Out, "  "+f); err != nil {
				return err
			}
		}
	}
	return nil
}

// fields are those that change, with their values where these are short.
func (s step) fields() (lines []string) {
	if s.foreign || s.change != resource.Changed {
		return nil
	}
	for _, f := range s.diff.Objects[0].Fields {
		line := f.Path
		switch old, now := brief(f.Old), brief(f.New); {
		case f.Change == resource.Changed && old != "" && now != "":
			line += ": " + old + " -> " + now
		case f.Change != resource.Changed:
			line += " " + string(f.Change)
			if value := old + now; value != "" {
				line += ": " + value
			}
		}
		lines = append(lines, shown(line))
	}
	return lines
}

// brief is a value as a line can show it; empty for lists, objects and long texts.
func brief(value any) string {
	switch value.(type) {
	case nil, map[string]any, []any:
		return ""
	}
	if text := fmt.Sprint(value); len(text) <= 120 {
		return text
	}
	return "…"
}
