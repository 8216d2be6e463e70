package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

type copyOptions struct {
	remote
	format
	tags        []string
	pattern     string
	noReferrers bool

	from    origin
	to      copyTarget
	matches *regexp.Regexp // nil: one artifact, or all of a layout
}

func newCopyCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &copyOptions{}
	cmd := &cobra.Command{
		Use:   "copy SOURCE DESTINATION",
		Short: "Copy artifacts, with their signatures, between registries, folders and tar archives",
		Long: `Copy an artifact from one registry to another, or to an OCI layout, which is a folder or a tar archive, and from there to a registry that
has no way out. Everything keeps its digest, and everything that belongs to the artifact goes with it: signatures and attestations of cosign
and notation in whatever form, and what belongs to those. So a copy of what is signed is signed.

SOURCE is a reference by tag or digest, or PATH, PATH:TAG or PATH@DIGEST of a layout; of one without a tag all artifacts are copied.
DESTINATION is a repository or the PATH of a layout, each with a tag or without; a path that ends in .tar is an archive. What reads as a
reference is one: write ./host.example.com/app for a folder. Tags stay what they are unless DESTINATION has one. A layout is one repository
on the disk: tags of another one would take each other's place.

What is there is not sent again, and within a registry nothing is sent at all where the registry can take it from the other repository. Tags
are set last. Whoever interrupts may run the same command again: it goes on where it ended, in a registry or a folder. A tar archive appears
whole or not at all, keeps what it held but for tags that move, and has the same bytes whenever it holds the same; it takes twice its size
while it is written.

Prints each copy's reference by digest.`,
		Example: `  # Between registries, with signatures
  kubectl oci copy docker.io/org/app-config:v1.0.0 registry.example.com/mirror/app-config

  # Every release, to take along where there is no network, and from there
  kubectl oci copy docker.io/org/app-config app-config.tar --tag-pattern '^v[0-9.]+$'
  kubectl oci copy app-config.tar registry.example.com/mirror/app-config

  # Into a folder, under another tag
  kubectl oci copy docker.io/org/app-config:v1.0.0 ./mirror:stable`,
		Args: exactArgs("SOURCE", "DESTINATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0], args[1]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.remote.addFlags(cmd.Flags(), streams.In)
	o.format.addFlag(cmd.Flags(), "text", "json", "yaml")
	cmd.Flags().StringArrayVar(&o.tags, "tag", nil, "another tag for the copy; may be repeated")
	cmd.Flags().StringVar(&o.pattern, "tag-pattern", "",
		"copy all tags that match this regular expression, anywhere unless it says ^ and $; '.' is all")
	cmd.Flags().BoolVar(&o.noReferrers, "no-referrers", false, "leave signatures and all else behind that belongs to the artifact")
	return cmd
}

func (o *copyOptions) complete(source, destination string) (err error) {
	if o.pattern != "" {
		if o.matches, err = regexp.Compile(o.pattern); err != nil {
			return usageError{fmt.Errorf("--tag-pattern: %w", err)}
		}
	}
	if o.from, err = parseOrigin(source, o.matches != nil); err != nil {
		return err
	}
	if o.to, err = parseTarget(destination); err != nil {
		return err
	}
	for _, tag := range o.tags {
		if err := registry.ValidateTag(tag); err != nil {
			return usageError{err}
		}
	}
	if o.matches != nil && (o.to.tag != "" || len(o.tags) > 0) {
		return usageError{errors.New("--tag-pattern copies tags as they are: leave the tag of the destination and --tag away")}
	}
	if err := o.format.validate(); err != nil {
		return err
	}
	return o.remote.validate(o.from.ref, o.to.ref)
}

// copied is what came of one artifact.
type copied struct {
	Source      string        `json:"source"`
	Reference   string        `json:"reference"`
	Digest      digest.Digest `json:"digest"`
	Tags        []string      `json:"tags"`
	Attachments int           `json:"attachments"` // signatures and the like
}

func (o *copyOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	all, err := o.copy(ctx, report)
	if err != nil {
		return err
	}
	if done, err := o.encode(streams.Out, all); done {
		return err
	}
	for _, c := range all {
		if _, err := fmt.Fprintln(streams.Out, c.Reference); err != nil {
			return err
		}
	}
	return nil
}

func (o *copyOptions) copy(ctx context.Context, report *reporter) ([]copied, error) {
	r, err := openRoad(ctx, o.remote, o.from, o.to, report)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all, err := o.choose(ctx, r)
	if err != nil {
		return nil, r.blame(err)
	}
	results, err := o.send(ctx, r, all, report)
	if err == nil {
		err = r.to.finish(ctx)
	}
	if err != nil {
		return nil, r.blame(err)
	}
	return results, nil
}

// parcel is an artifact to copy and the tags that the copy gets.
type parcel struct {
	source     string
	descriptor ocispec.Descriptor
	tags       []string
}

// choose finds what is to be copied. A tag is resolved once.
func (o *copyOptions) choose(ctx context.Context, r *road) ([]parcel, error) {
	all, err := r.from.list(ctx, o.matches, o.to.tag == "" && len(o.tags) == 0)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if o.to.tag != "" {
			all[i].tags = []string{o.to.tag}
		}
		all[i].tags = append(all[i].tags, o.tags...)
	}
	return all, nil
}

// How many artifacts are under way at a time; [transfer.Options] bounds the blobs of all of them together.
const concurrentCopies = 4

func (o *copyOptions) send(ctx context.Context, r *road, all []parcel, report *reporter) ([]copied, error) {
	bar := report.bar("copying", -1)
	defer bar.Finish()
	copier := transfer.New(r.from.source, r.to, transfer.Options{
		NoReferrers: o.noReferrers,
		Sent:        func(n int) { bar.Add(n) },
		Missed: func(d digest.Digest, why error) {
			report.line("passed over: %s, which a list names: %v", d, why)
		},
	})
	results := make([]copied, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrentCopies)
	for i, p := range all {
		group.Go(func() error {
			got, err := copyOne(ctx, copier, r.to, p.descriptor, p.tags)
			if err != nil {
				return err
			}
			d := got.Descriptor.Digest
			results[i] = copied{p.source, o.to.name() + "@" + d.String(), d, p.tags, got.Attachments}
			report.line("%s", o.said(p, got))
			return nil
		})
	}
	return results, group.Wait()
}

// said is the line about one artifact.
func (o *copyOptions) said(p parcel, got transfer.Result) string {
	where := o.to.name()
	if len(p.tags) > 0 {
		where += ":" + strings.Join(p.tags, ", ")
	}
	if !got.Moved && len(p.tags) > 0 {
		return fmt.Sprintf("unchanged: %s names it", where)
	}
	if got.Attachments == 0 {
		return fmt.Sprintf("copied %s to %s", p.source, where)
	}
	return fmt.Sprintf("copied %s to %s, with %s", p.source, where, count(got.Attachments, "attachment"))
}

// copyOne copies an artifact. In a layout, what has no tag has to be entered all the same.
func copyOne(
	ctx context.Context, copier *transfer.Copier, to transfer.Destination, d ocispec.Descriptor, tags []string,
) (transfer.Result, error) {
	got, err := copier.Copy(ctx, d, tags...)
	if err != nil || len(tags) > 0 {
		return got, err
	}
	if l, ok := to.(interface {
		Keep(d ocispec.Descriptor, raw []byte) error
	}); ok {
		err = l.Keep(got.Descriptor, got.Manifest)
	}
	return got, err
}

func copyInto(ctx context.Context, copier *transfer.Copier, l *layout.Layout, d ocispec.Descriptor, tags []string) error {
	_, err := copyOne(ctx, copier, l, d, tags)
	return err
}

func tagsOf(d ocispec.Descriptor) []string {
	if tag := layout.Tag(d); tag != "" {
		return []string{tag}
	}
	return nil
}
