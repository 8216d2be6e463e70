package agent_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// row is an artifact, an object that points to it, and what must come of it.
type row struct {
	name     string       // for people
	artifact func(*shelf) // puts it where the object looks
	version  string       // of the API that the object is written in; empty: v1
	spec     string       // YAML; url, interval and ref.tag v1 need not be said. $DIGEST is the artifact's
	with     func(*room)  // what else has to be in the namespace

	refused  string  // what the API server finds wrong; then there is nothing more to expect
	want     verdict // the zero value: Ready
	revision string  // with $DIGEST; empty: v1@$DIGEST
	files    string  // what consumers unpack, sorted, with blanks between; empty: it is no archive
	asIs     bool    // the bytes served are those of a layer and were not made anew

	because string // why this is right
	flux    string // what source-controller does where it does otherwise
}

// verdict is all conditions of an object, as "Type=Status Reason", and a part of the message.
type verdict struct {
	conditions []string
	says       string
}

// stored is what an object with an artifact says.
func stored(says string) verdict {
	return verdict{[]string{"ArtifactInStorage=True Succeeded", "Ready=True Succeeded"}, says}
}

// retried is what may end otherwise next time: a registry or a Secret that did not do as asked, an artifact that is of no use.
func retried(reason, says string) verdict {
	return verdict{[]string{"FetchFailed=True " + reason, "Ready=False " + reason, "Reconciling=True ProgressingWithRetry"}, says}
}

// stalled is a mistake in the spec: the agent waits for another one.
func stalled(reason, says string) verdict {
	return verdict{[]string{"FetchFailed=True " + reason, "Ready=False " + reason, "Stalled=True " + reason}, says}
}

// The reasons that the rows have most often.
const (
	pullFailed  = v1.ReasonPullFailed
	layerFailed = v1.ReasonLayerOperationFailed
	readFailed  = v1.ReasonReadOperationFailed
)

type theme struct {
	name string
	rows []row
}

func table() []theme {
	return []theme{
		{"tool", toolRows()}, {"chart", chartRows()}, {"layer", layerRows()}, {"index", indexRows()}, {"reference", referenceRows()},
		{"version", versionRows()}, {"ignore", ignoreRows()}, {"spec", specRows()},
	}
}

// Artifacts of every tool and specs of every kind lead to what the API promises.
func TestTable(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	reg := registry.For(t, registry.Options{})
	for _, theme := range table() {
		t.Run(theme.name, func(t *testing.T) {
			for i, row := range theme.rows {
				t.Run(row.name, func(t *testing.T) {
					t.Parallel()
					row.check(t, r, reg, fmt.Sprintf("%s-%d", theme.name, i))
				})
			}
		})
	}
}

// check makes the object and holds what becomes of it to the row.
func (w row) check(t *testing.T, r *room, reg *registry.Registry, name string) {
	t.Helper()
	s := newShelf(t, reg, "org/"+name)
	if w.artifact != nil {
		w.artifact(s)
	}
	if w.with != nil {
		w.with(r)
	}
	err := control.admin.Create(soon(t), w.object(t, s, r.namespace, name))
	if w.refused != "" || err != nil {
		if w.refused == "" || err == nil || !strings.Contains(err.Error(), w.refused) {
			t.Errorf("the API server says %v, want %q", err, w.refused)
		}
		return
	}
	var o *v1.OCIRepository
	r.waitIn(t, name, name+" is settled", func() bool {
		if all := r.versions[name]; len(all) > 0 {
			o = all[len(all)-1]
		}
		return o != nil && isSettled(o)
	})
	w.checkStatus(t, s, o)
	if o.Status.Artifact != nil {
		w.checkServed(t, s, o)
	}
}

// isSettled tells whether the agent has come to a result for the object as it is now.
func isSettled(o *v1.OCIRepository) bool {
	c := condition(o, v1.ConditionReady)
	return c != nil && c.Status != metav1.ConditionUnknown && c.ObservedGeneration == o.Generation
}

// object is what a person would apply.
func (w row) object(t *testing.T, s *shelf, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	spec := map[string]any{}
	if err := yaml.Unmarshal([]byte(s.fill(w.spec)), &spec); err != nil {
		t.Fatal(err)
	}
	defaults := map[string]any{"url": "oci://" + s.reg.Host + "/" + s.repository, "interval": "1h", "ref": map[string]any{"tag": "v1"}}
	for field, value := range defaults {
		if _, ok := spec[field]; !ok {
			spec[field] = value
		}
	}
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetAPIVersion(v1.Group + "/v1")
	if w.version != "" {
		o.SetAPIVersion(v1.Group + "/" + w.version)
	}
	o.SetKind(v1.KindOCIRepository)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}
