package controller

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

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

// objectless is a cache in which there is nothing.
type objectless struct{ client.Client }

func (objectless) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// What is under way when another policy counts goes by one that does not.
func TestRunsEndWithTheirPolicy(t *testing.T) {
	t.Parallel()
	changes := make(chan struct{})
	r := &Reconciler{Client: objectless{}, PolicyChanges: changes}
	var under []context.Context
	for _, name := range []string{"one", "other"} {
		object := newObject(1)
		object.Name = name
		run, done := r.runs.begin(t.Context(), object)
		defer done()
		under = append(under, run)
	}
	if err := (amendment{r}).Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	changes <- struct{}{}
	for _, run := range under {
		if <-run.Done(); context.Cause(run) != errAmended { //nolint:errorlint // that very one
			t.Errorf("a run ended with %v", context.Cause(run))
		}
	}
}
