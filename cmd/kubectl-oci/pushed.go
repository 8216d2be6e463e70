package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// madeArtifact is an artifact and what was packed for it.
type madeArtifact struct {
	*artifact.Artifact
	summary archive.Summary
}

// pushed is what came of a push, or would.
type pushed struct {
	Reference string        `json:"reference"` // by digest
	Digest    digest.Digest `json:"digest"`
	Tags      []string      `json:"tags"`
	Size      int64         `json:"size"` // bytes that the layer, the config and the manifest have together
	Layer     digest.Digest `json:"layer"`
	Files     []string      `json:"files"`
	Skipped   []string      `json:"skipped,omitempty"` // by ignore rules; a folder ends in / and stands for all below it
	DryRun    bool          `json:"dryRun,omitempty"`
}

func (o *pushOptions) planned(made *madeArtifact) *pushed {
	d := made.Descriptor.Digest
	p := &pushed{
		Reference: o.ref.At(d).String(), Digest: d, Tags: o.tags, Layer: made.LayerDescriptor.Digest,
		Size:   made.Descriptor.Size + made.ConfigDescriptor.Size + made.LayerDescriptor.Size,
		DryRun: o.dryRun, Skipped: made.summary.Skipped,
	}
	if o.to != "" {
		p.Reference = o.to + "@" + d.String()
	}
	return p
}

func (o *pushOptions) print(ctx context.Context, out io.Writer, done *pushed, spool *archive.Spool, report *reporter) (err error) {
	text := o.format.name == "text" || o.format.name == "name"
	if o.dryRun || !text {
		if done.Files, err = namesIn(ctx, spool); err != nil {
			return err
		}
	}
	if !text {
		_, err = o.encode(out, done)
		return err
	}
	if o.dryRun {
		report.line("it would be %s at most, of which the registry may have some: the manifest, the config, and a layer with", size(done.Size))
		for _, name := range done.Files {
			report.line("  %s", name)
		}
	}
	_, err = fmt.Fprintln(out, done.Reference)
	return err
}

func namesIn(ctx context.Context, spool *archive.Spool) (names []string, err error) {
	r, err := spool.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	err = archive.Walk(ctx, r, archive.Limits{}, func(f archive.File, _ io.Reader) error {
		names = append(names, f.Name)
		return nil
	})
	return names, err
}

// write puts the artifact into the layout, where its tags come last.
func (o *pushOptions) write(ctx context.Context, made *artifact.Artifact, spool *archive.Spool) (err error) {
	to, err := copyTarget{path: o.to}.openLayout(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := sendBlobs(ctx, to, made, spool, newReporter(io.Discard)); err != nil {
		return err
	}
	for _, tag := range o.tags {
		if err := to.PushManifest(ctx, tag, made.Descriptor, made.Manifest); err != nil {
			return err
		}
	}
	return to.finish(ctx)
}
