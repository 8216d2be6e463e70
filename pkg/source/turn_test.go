package source

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var work turns
		for range maxUnpacking {
			if err := work.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		began := false
		go func() {
			began = work.take(t.Context()) == nil
		}()
		synctest.Wait()
		if began {
			t.Error("one more works than may")
		}
		work.giveBack()
		synctest.Wait()
		if !began {
			t.Error("a turn that was given back is lost")
		}
	})
}

// However many workers there are, only a few of them hold an archive's names in memory at once.
func TestUnpackingWaitsForATurn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	for range maxUnpacking {
		if err := b.unpacking.take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	req := Request{Key: key, Spec: byTag("v1")}
	req.Spec.URL = b.url()
	if _, err := b.Run(ctx, req); !errors.Is(err, context.DeadlineExceeded) || b.failure(err).Reason != v1.ReasonPullFailed {
		t.Errorf("no turn is left, and the run ends with: %v", err)
	}
	b.unpacking.giveBack()
	for range 2 * maxUnpacking {
		if _, failure := b.run(byTag("v1"), Advertised{}); failure != nil {
			t.Fatal(failure)
		}
	}
}
