package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Others may write at the same time, and registries cannot be asked to write only when nobody did. Who read before we wrote takes our writing's
// place without knowing it: we look again when somebody about as fast as we are is done with that. Somebody much slower still wins; only
// who looks at the list later can tell.
const (
	maxAmends      = 10
	amendPause     = 100 * time.Millisecond // at least, before each look but the first
	longAmendPause = time.Second            // at most, but for what spreads those who write
)

// Amend replaces the manifest that tag names by what change makes of it, and looks a while later whether that stayed: change gets the
// manifest that is there now, nil when there is none, and gives none when nothing is left to do. It is called anew where somebody else's
// writing took the place of ours; ours is written ten times at most.
func (r *Repository) Amend(ctx context.Context, tag string, change func(raw []byte) (ocispec.Descriptor, []byte, error)) error {
	for try := 0; ; try++ {
		began := time.Now()
		d, amended, err := r.amended(ctx, tag, change)
		if err != nil || amended == nil {
			return err
		}
		if try == maxAmends {
			return fmt.Errorf("amend %q: others write it all the time", r.ref.Name()+":"+tag)
		}
		if err := r.PushManifest(ctx, tag, d, amended); err != nil {
			return err
		}
		if err := sleep(ctx, untilSettled(time.Since(began), try)); err != nil {
			return err
		}
	}
}

// untilSettled is how long to wait after a write that took so long, its reading included. Where several take each other's place, chance parts
// them.
func untilSettled(took time.Duration, try int) time.Duration {
	spread := rand.N(amendPause * time.Duration(try+1)) //nolint:gosec // it is no secret
	return min(amendPause+2*took, longAmendPause) + spread
}

// amended is what change makes of what tag names now; nil when it is as it should be.
func (r *Repository) amended(
	ctx context.Context, tag string, change func(raw []byte) (ocispec.Descriptor, []byte, error),
) (ocispec.Descriptor, []byte, error) {
	raw, err := r.tagged(ctx, tag)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	d, amended, err := change(raw)
	if err == nil && len(amended) > artifact.MaxManifest {
		err = fmt.Errorf("it would have more than %d bytes", artifact.MaxManifest)
	}
	if err != nil {
		return ocispec.Descriptor{}, nil, fmt.Errorf("amend %q: %w", r.ref.Name()+":"+tag, err)
	}
	return d, amended, nil
}
