package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

// unmoved fails where a tag does not name any more what the plan was made for: the copy may have taken long.
func (o *promoteOptions) unmoved(ctx context.Context, to *registry.Repository, moves []move) error {
	for _, m := range moves {
		named, err := to.CheckAbsent(ctx, m.tag, m.old)
		now, exists := errors.AsType[*registry.TagExistsError](err)
		switch {
		case exists && now.Digest == m.new: // by somebody who promotes the same
		case exists:
			return meanwhile(err)
		case err != nil:
			return err
		case !named && m.old != "":
			return meanwhile(fmt.Errorf("tag %q is gone", o.to.Name()+":"+m.tag))
		}
	}
	return nil
}

func meanwhile(err error) error {
	return &hintedError{fmt.Errorf("somebody else was faster: %w", err), "nothing was tagged; the same command again looks at what the tags name now"}
}

// move sets the tags that name something else.
func (o *promoteOptions) move(ctx context.Context, to *registry.Repository, what transfer.Result, moves []move, report *reporter) error {
	for _, m := range moves {
		if m.old == m.new {
			continue
		}
		push := to.PushManifest
		if m.old == "" {
			push = to.PushAbsent
		}
		err := push(ctx, m.tag, what.Descriptor, what.Manifest)
		if _, exists := errors.AsType[*registry.TagExistsError](err); exists {
			err = &hintedError{err, "the same command again looks at what the tags name now"}
		}
		if err != nil {
			return err
		}
		report.line("%s", m.done(o.to))
	}
	return nil
}
