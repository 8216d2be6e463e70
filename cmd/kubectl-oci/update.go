package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

type updateOptions struct {
	remote
	format
	semver, regex, order string
	pin, check, dryRun   bool

	paths []string
	rule  *tagRule
}

func newUpdateCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &updateOptions{}
	cmd := &cobra.Command{
		Use:   "update PATH...",
		Short: "Move OCIRepositories in files to their newest tags",
		Long: `Look in YAML and JSON files for OCIRepositories, ask the registry for the newest tag that each may follow, and write it into
spec.ref. Nothing else in a file changes, no comment and no blank. Prints what changed as patch -p0 takes it.

What an OCIRepository follows, says a comment at its tag, its digest or its ref:

  tag: v1.0.0 # kubectl-oci: semver >=1.0.0 <2.0.0
  tag: main-17-abc # kubectl-oci: numerical ^main-([0-9]+)-
  tag: 2024-05-06 # kubectl-oci: alphabetical ^[0-9-]+$
  tag: v1.0.0 # kubectl-oci: keep
  tag: v1.0.0 # {"$imagepolicy": "flux-system:app:tag"}

Of a regular expression with a group, the first group is compared. The last form is Flux's: the ImagePolicy and its ImageRepository have to be
in the files too. Without a comment --semver, or --order with --regex, says it; without those, too, an object is left alone. So is
one with spec.ref.semver, unless the comment stands there. A digest that is there already moves along; --pin adds one.

Patches of kustomize with kind OCIRepository are updated, too; the url may be in another of the files. Nothing is written when
anything fails.

Exits with 0 when all is up to date or was updated, with --check 1 when something is stale, and with 2 or more on failure. With --check, that
is also a file that cannot be read and names an OCIRepository.`,
		Example: `  # What the comments in the files say
  kubectl oci update ./clusters

  # In CI: is anything stale?
  kubectl oci update ./clusters --check

  # Everything that has no comment of its own
  kubectl oci update ./clusters --semver '>=1.0.0'
  kubectl oci update ./clusters --regex '^main-([0-9]+)-' --order numerical

  # Tag and digest
  kubectl oci update ./clusters --pin`,
		Annotations: map[string]string{failureAnnotation: "2"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactArgs("PATH")(nil, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.remote.addFlags(cmd.Flags(), streams.In)
	o.addFlag(cmd.Flags(), "diff", "json", "yaml")
	cmd.Flags().StringVar(&o.semver, "semver", "", "follow the highest version in this range, where no comment says otherwise")
	cmd.Flags().StringVar(&o.regex, "regex", "", "of tags that match this regular expression only; its first group, if any, is what is compared")
	cmd.Flags().StringVar(&o.order, "order", "", "follow the highest tag in this order: numerical, alphabetical")
	cmd.Flags().BoolVar(&o.pin, "pin", false, "write the digest beside the tag")
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing; exit with 1 when something is stale")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "write nothing")
	return cmd
}

func (o *updateOptions) complete(paths []string) (err error) {
	o.paths = paths
	if o.rule, err = ruleFlags(o.semver, o.regex, o.order); err != nil {
		return err
	}
	if err := o.format.validate(); err != nil {
		return err
	}
	return o.remote.validate()
}

// updateWords are what a file must hold one of to be of interest.
func updateWords() []string { return []string{"OCIRepository", "ImagePolicy", "ImageRepository"} }

func (o *updateOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	files, err := openRewriting(o.paths, updateWords(), report)
	if err != nil {
		return err
	}
	defer files.Close()
	result, err := o.update(ctx, files, report)
	if err != nil {
		return err
	}
	changes, err := files.changes()
	if err != nil {
		return err
	}
	if !o.check && !o.dryRun {
		if err := writeChanges(changes); err != nil {
			return err
		}
	}
	if err := o.print(streams.Out, result, changes); err != nil {
		return err
	}
	o.sum(result, report)
	if !o.check {
		return nil
	}
	if err := files.complete(); err != nil {
		return err
	}
	if len(changes) > 0 {
		return errDiffers
	}
	return nil
}

// updateResult is what is printed for programs.
type updateResult struct {
	Changes []refChange `json:"changes"`
	Left    []refLeft   `json:"left"`

	objects, stale int
}

// update edits the files, and writes none.
func (o *updateOptions) update(ctx context.Context, files *rewriting, report *reporter) (*updateResult, error) {
	objects := files.objects()
	p := &planner{objects: objects, policies: findPolicies(objects), flags: o.rule, pin: o.pin}
	result := &updateResult{Changes: []refChange{}, Left: []refLeft{}}
	var followers []*follower
	for i := range objects {
		if !objects[i].is(groupSource, "OCIRepository") {
			continue
		}
		result.objects++
		f, err := p.plan(&objects[i])
		if left, ok := errors.AsType[leaving](err); ok {
			result.leave(&objects[i], left, report)
			continue
		}
		if err != nil {
			return nil, err
		}
		followers = append(followers, f)
	}
	if err := resolveAll(ctx, followers, &catalog{remote: o.remote, report: report}); err != nil {
		return nil, err
	}
	for _, f := range followers {
		changes, err := f.apply()
		if err != nil {
			return nil, err
		}
		if len(changes) > 0 {
			result.stale++
		}
		result.Changes = append(result.Changes, changes...)
	}
	return result, nil
}

func (r *updateResult) leave(o *writtenObject, left leaving, report *reporter) {
	r.Left = append(r.Left, refLeft{o.file.shown, o.Line(), o.ID.String(), left.reason})
	report.line("left alone: %v", o.at(o.Value, errors.New(o.ID.String()+": "+left.reason)))
}

func (o *updateOptions) print(w io.Writer, result *updateResult, changes []textChange) error {
	if done, err := o.encode(w, result); done {
		return err
	}
	return printChanges(w, changes)
}

func printChanges(w io.Writer, changes []textChange) error {
	color := colorful(w)
	for _, c := range changes {
		text := c.unified()
		if color {
			text = colored(text)
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

func (o *updateOptions) sum(r *updateResult, report *reporter) {
	verb := "updated"
	if o.check || o.dryRun {
		verb = "stale"
	}
	if r.objects == 0 {
		report.line("no OCIRepository is in %s: is that the right place?", strings.Join(o.paths, ", "))
		return
	}
	report.line("%d of %d %s", r.stale, r.objects, map[bool]string{true: "OCIRepository " + verb, false: "OCIRepositories " + verb}[r.objects == 1])
}
