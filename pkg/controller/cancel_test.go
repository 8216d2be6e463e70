package controller

import (
	"context"
	"testing"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

func TestRunEndsWhenNobodyWaitsForIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*v1.OCIRepository)
		gone   bool
		ends   bool
	}{
		"nothing new":              {change: func(*v1.OCIRepository) {}},
		"an annotation":            {change: func(o *v1.OCIRepository) { o.Annotations = map[string]string{"a": "b"} }},
		"a changed spec":           {change: func(o *v1.OCIRepository) { o.Generation++ }, ends: true},
		"deletion":                 {change: func(*v1.OCIRepository) {}, gone: true, ends: true},
		"another of the same name": {change: func(o *v1.OCIRepository) { o.UID = "other" }, ends: true},
		"another object":           {change: func(o *v1.OCIRepository) { o.Name, o.Generation = "other", 7 }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r runs
			object := newObject(1)
			ctx, done := r.begin(t.Context(), object)
			seen := object.DeepCopy()
			test.change(seen)
			r.seen(seen, test.gone)
			if ended := context.Cause(ctx) == errSuperseded; ended != test.ends { //nolint:errorlint // that very one
				t.Errorf("it ended: %t", ended)
			}
			done()
			if r.seen(seen, true); ctx.Err() == nil || len(r.current) != 0 {
				t.Error("it goes on after its end")
			}
		})
	}
}

// What is under way when another policy counts goes by one that does not.
func TestRunsEndWithTheirPolicy(t *testing.T) {
	t.Parallel()
	var r runs
	other := newObject(1)
	other.Name = "other"
	for _, object := range []*v1.OCIRepository{newObject(1), other} {
		ctx, done := r.begin(t.Context(), object)
		defer done()
		defer func() {
			if context.Cause(ctx) != errAmended { //nolint:errorlint // that very one
				t.Errorf("the run for %q ended with %v", object.Name, context.Cause(ctx))
			}
		}()
	}
	r.amended()
}
