package attempt

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// Hold is what an object's windows say at some moment about what is not adopted yet.
type Hold struct {
	Closed bool
	Opens  time.Time     // next; set while closed
	Adopt  digest.Digest // of the manifest that is adopted all the same; not checked
}

// HoldOf reads the object's annotations. Windows that cannot be read let nothing pass: a slip of the pen must neither open them nor go
// unnoticed. The error is a *source.Error.
func HoldOf(object *v1.OCIRepository, now time.Time) (Hold, error) {
	text, ok := object.Annotations[v1.AnnotationWindow]
	if !ok {
		return Hold{}, nil
	}
	windows, err := parseWindows(text)
	if err != nil {
		return Hold{}, &source.Error{
			Condition: v1.ConditionFetchFailed,
			Reason:    v1.ReasonWindowInvalid,
			Terminal:  true,
			Err:       fmt.Errorf("read annotation %s: %w", v1.AnnotationWindow, err),
		}
	}
	if windows.open(now) {
		return Hold{}, nil
	}
	return Hold{Closed: true, Opens: windows.next(now), Adopt: digest.Digest(object.Annotations[v1.AnnotationAdopt])}, nil
}
