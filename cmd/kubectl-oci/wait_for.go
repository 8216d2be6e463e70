package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// waitForFlag is said in a command line for which 1 is an answer.
const waitForFlag = "wait-for"

// waitFor is what of the cluster a push waits for.
type waitFor struct {
	cluster
	target   string // kustomization/NAME; empty: nothing
	patience time.Duration

	name string // of the Kustomization
}

func (w *waitFor) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&w.target, waitForFlag, "", "kustomization/NAME: wait until it has applied what is pushed")
	flags.DurationVar(&w.patience, "wait-timeout", 5*time.Minute, "with --wait-for: how long to wait")
	w.cluster.addFlags(flags)
	flags.Lookup("namespace").Usage = "with --wait-for: namespace of the Kustomization"
}

func (w *waitFor) validate(local bool) error {
	switch {
	case w.target == "":
		return nil
	case local:
		return usageError{errors.New("what for --wait-for? Nothing is pushed here")}
	case w.patience <= 0:
		return usageError{fmt.Errorf("--wait-timeout %s is no time to wait", w.patience)}
	}
	kind, name, _ := strings.Cut(w.target, "/")
	kind, group, _ := strings.Cut(strings.ToLower(kind), ".")
	if !slices.Contains([]string{"kustomization", "kustomizations", "ks"}, kind) || group != "" && !strings.HasSuffix("."+group, "."+groupKustomize) {
		return usageError{fmt.Errorf("--wait-for %.100q is no Kustomization: name one as kustomization/NAME", w.target)}
	}
	if name == "" || strings.ContainsAny(name, "/%") || name == "." || name == ".." {
		return usageError{fmt.Errorf("--wait-for %.100q names no object", w.target)}
	}
	w.name = name
	return nil
}

// look finds the Kustomization and the OCIRepository behind it, before anything is sent, and refuses those that never come to these tags of
// the repository. Nil: nothing is waited for.
func (w *waitFor) look(ctx context.Context, ref registry.Reference, tags []string, streams genericiooptions.IOStreams) (*arrival, error) {
	if w.target == "" {
		return nil, nil
	}
	c, err := w.connect(streams.ErrOut)
	if err != nil {
		return nil, err
	}
	a := &arrival{connection: c}
	if err := a.find(ctx, w.name, ref, tags); err != nil {
		return nil, fmt.Errorf("wait for kustomization/%s: %w", w.name, err)
	}
	return a, nil
}

func (a *arrival) find(ctx context.Context, name string, ref registry.Reference, tags []string) error {
	u, err := a.client.Resource(kustomizationResource()).Namespace(a.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return explainKustomization(err, a.namespace)
	}
	if a.applier, err = readApplier(u); err != nil {
		return err
	}
	if err := a.applier.usable(); err != nil {
		return err
	}
	if u, err = a.one(ctx, a.applier.sourceNamespace(), a.applier.Spec.SourceRef.Name); err != nil {
		return fmt.Errorf("its source: %w", err)
	}
	if a.source, err = typed(u); err != nil {
		return err
	}
	return reaches(a.source, ref, tags)
}

// reaches refuses an object that leads elsewhere.
func reaches(o *v1.OCIRepository, ref registry.Reference, tags []string) error {
	title := kindPrefix + o.Name
	follows, err := source.Repository(o.Spec.URL)
	switch {
	case err != nil:
		return fmt.Errorf("its source %s: %w", title, err)
	case !follows.SameRepository(ref):
		return fmt.Errorf("its source %s follows %s, and not %s", title, follows.Name(), ref.Name())
	case o.Spec.Suspend:
		return &hintedError{fmt.Errorf("its source %s is suspended", title), fmt.Sprintf("kubectl oci resume %s -n %s", o.Name, o.Namespace)}
	}
	ok, what, err := source.Follows(o.Spec, tags)
	switch {
	case err != nil:
		return fmt.Errorf("its source %s: %w", title, err)
	case !ok:
		return &hintedError{
			fmt.Errorf("its source %s follows %s, which never leads to the tag %s", title, what, strings.Join(tags, " or ")),
			"push a tag that it follows: --tag names more of them",
		}
	}
	return nil
}

// await waits until the cluster has applied the artifact, or says why it never will.
func (w *waitFor) await(ctx context.Context, a *arrival, d digest.Digest, report *reporter) error {
	if a == nil {
		return nil
	}
	wait, cancel := context.WithCancelCause(ctx) // no deadline: the client fails before one, with an error of its own
	defer cancel(nil)
	defer time.AfterFunc(w.patience, func() { cancel(errWaited) }).Stop()
	a.digest, a.report = d, report
	err := a.ask(wait)
	if err == nil {
		err = a.follow(wait)
	}
	switch {
	case errors.Is(err, errArrived):
		report.line("kustomization/%s has applied it", w.name)
		return nil
	case ctx.Err() != nil:
		report.line("it is pushed, and not waited for any longer")
		return context.Cause(ctx)
	case expired(wait):
		err = &hintedError{fmt.Errorf("not applied after %s; last seen: %s", w.patience, a.pending()), "--wait-timeout sets how long to wait"}
	}
	return fmt.Errorf("wait for kustomization/%s: %w", w.name, err)
}

// ask has the registry looked at, where that is allowed.
func (a *arrival) ask(ctx context.Context) error {
	request := change{each: func(*v1.OCIRepository) (any, error) { return requested(nil), nil }}
	asked, err := request.one(ctx, a.connection, a.source)
	switch {
	case apierrors.IsForbidden(err):
		a.report.line("%s%s may not be asked to look at once: it does every %s", kindPrefix, a.source.Name, a.source.Spec.Interval.Duration)
		return nil
	case err != nil:
		return fmt.Errorf("ask %s%s to look at once: %w", kindPrefix, a.source.Name, err)
	}
	a.asked, a.source = asked, asked
	return nil
}
