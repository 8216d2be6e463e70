package flux_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/opencontainers/go-digest"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/kubectl-oci/kubectl-oci/e2e/fluxcd"
	"github.com/kubectl-oci/kubectl-oci/e2e/loopback"
	"github.com/kubectl-oci/kubectl-oci/e2e/process"
	"github.com/kubectl-oci/kubectl-oci/e2e/product"
)

// incumbent is what serves a room's objects before the agent, or beside it: source-controller or its stand-in.
type incumbent struct {
	manager string // as which it appears in managed fields
	stop    func()
}

const sourceController = "source-controller"

// startIncumbent starts one that sees the objects of a room whose labels match.
func (r *room) startIncumbent(selector string) *incumbent {
	r.t.Helper()
	i := &incumbent{manager: sourceController}
	if program := os.Getenv("SOURCE_CONTROLLER"); program != "" {
		i.stop = r.startSourceController(program, selector)
	} else {
		i.stop = r.startStandIn(selector)
	}
	i.stop = sync.OnceFunc(i.stop)
	r.t.Cleanup(i.stop)
	return i
}

// startSourceController starts the program itself.
func (r *room) startSourceController(program, selector string) (stop func()) {
	r.t.Helper()
	var addresses [2]string
	for i := range addresses {
		var err error
		if addresses[i], err = product.FreeAddress(soon(r.t)); err != nil {
			r.t.Fatal(err)
		}
	}
	dir := r.t.TempDir()
	p, err := process.Start(process.Command{
		Name: sourceController, Path: program, Log: dir + "/log",
		Args: []string{
			"--storage-path=" + dir, "--storage-addr=" + addresses[0], "--storage-adv-addr=" + addresses[0], "--metrics-addr=0",
			"--health-addr=" + addresses[1], "--watch-all-namespaces=false", "--watch-label-selector=" + selector,
		},
		Env: append(os.Environ(), "KUBECONFIG="+r.cluster.plane.Kubeconfig, "RUNTIME_NAMESPACE="+r.namespace),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Stop
}

// standIn writes what source-controller 1.9 was seen to write, with Flux's own types: under its name, in this order, the finalizer,
// a status that says that it works, and one with the artifact, whose path has the manifest's digest. What it serves it has packed
// anew. Of a suspended object it answers requests only. A range means
// the last tag in the alphabet that begins with a digit.
type standIn struct {
	t      *testing.T
	client client.WithWatch
	server *loopback.Server

	mu    sync.Mutex
	files map[string][]byte // by path
}

func (r *room) startStandIn(selector string) (stop func()) {
	r.t.Helper()
	s := &standIn{t: r.t, files: map[string][]byte{}}
	scheme := runtime.NewScheme()
	if err := sourcev1.AddToScheme(scheme); err != nil {
		r.t.Fatal(err)
	}
	matching, err := labels.Parse(selector)
	if err != nil {
		r.t.Fatal(err)
	}
	if s.client, err = client.NewWithWatch(r.cluster.config, client.Options{Scheme: scheme}); err != nil {
		r.t.Fatal(err)
	}
	if s.server, err = loopback.Serve(r.t.Context(), http.HandlerFunc(s.serve), loopback.Options{}); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	w, err := s.client.Watch(ctx, &sourcev1.OCIRepositoryList{}, client.InNamespace(r.namespace), client.MatchingLabelsSelector{Selector: matching})
	if err != nil {
		r.t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for event := range w.ResultChan() {
			if o, ok := event.Object.(*sourcev1.OCIRepository); ok && event.Type != watch.Deleted {
				s.reconcile(ctx, o)
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
		s.server.Close()
	}
}

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	file, ok := s.files[strings.TrimPrefix(r.URL.Path, "/")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Write(file)
}

// reconcile does what one look at an object asks for.
func (s *standIn) reconcile(ctx context.Context, o *sourcev1.OCIRepository) {
	if !o.DeletionTimestamp.IsZero() {
		s.write(ctx, o, func() { controllerutil.RemoveFinalizer(o, sourcev1.SourceFinalizer) })
		return
	}
	asked := o.Annotations[requestedAt]
	if o.Status.ObservedGeneration == o.Generation && o.Status.LastHandledReconcileAt == asked {
		return
	}
	if !s.write(ctx, o, func() { controllerutil.AddFinalizer(o, sourcev1.SourceFinalizer) }) {
		return
	}
	if !o.Spec.Suspend {
		working := condition(o, meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, "building artifact")
		if !s.writeStatus(ctx, o, func() { apimeta.SetStatusCondition(&o.Status.Conditions, working) }) {
			return
		}
	}
	s.writeStatus(ctx, o, func() {
		o.Status.ObservedGeneration, o.Status.LastHandledReconcileAt = o.Generation, asked
		if !o.Spec.Suspend {
			s.advertise(ctx, o)
		}
	})
}

// write changes an object, and writeStatus its status; false: it was in vain.
func (s *standIn) write(ctx context.Context, o *sourcev1.OCIRepository, edit func()) bool {
	before := o.DeepCopy()
	edit()
	return s.wrote(ctx, s.client.Patch(ctx, o, client.MergeFrom(before), client.FieldOwner(sourceController)))
}

func (s *standIn) writeStatus(ctx context.Context, o *sourcev1.OCIRepository, edit func()) bool {
	before := o.DeepCopy()
	edit()
	return s.wrote(ctx, s.client.Status().Patch(ctx, o, client.MergeFrom(before), client.FieldOwner(sourceController)))
}

func (s *standIn) wrote(ctx context.Context, err error) bool {
	if client.IgnoreNotFound(err) != nil && ctx.Err() == nil {
		s.t.Errorf("the stand-in for source-controller: %v", err)
	}
	return err == nil
}

func (s *standIn) advertise(ctx context.Context, o *sourcev1.OCIRepository) {
	revision, manifest, file, err := s.fetch(ctx, o)
	if err != nil {
		apimeta.SetStatusCondition(&o.Status.Conditions, condition(o, meta.ReadyCondition, metav1.ConditionFalse, sourcev1.OCIPullFailedReason, err.Error()))
		return
	}
	folder := strings.ToLower(fluxcd.OCIRepository) + "/" + o.Namespace + "/" + o.Name + "/"
	path := folder + manifest + ".tar.gz"
	s.mu.Lock()
	s.files[path], s.files[folder+"latest.tar.gz"] = file, file
	s.mu.Unlock()
	o.Status.Artifact = &meta.Artifact{
		Path: path, URL: "http://" + s.server.Addr + "/" + path, Revision: revision, Digest: digest.FromBytes(file).String(),
		Size: new(int64(len(file))), LastUpdateTime: metav1.Now(),
	}
	o.Status.URL = "http://" + s.server.Addr + "/" + folder + "latest.tar.gz"
	o.Status.ObservedIgnore, o.Status.ObservedLayerSelector = o.Spec.Ignore, o.Spec.LayerSelector
	message := "stored artifact for digest '" + revision + "'"
	for _, kind := range []string{meta.ReadyCondition, sourcev1.ArtifactInStorageCondition} {
		apimeta.SetStatusCondition(&o.Status.Conditions, condition(o, kind, metav1.ConditionTrue, meta.SucceededReason, message))
	}
}

func condition(o *sourcev1.OCIRepository, kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: o.Generation}
}

// fetch returns what the object's reference names, with its first layer compressed anew.
func (s *standIn) fetch(ctx context.Context, o *sourcev1.OCIRepository) (revision, manifest string, file []byte, err error) {
	_, repository, _ := strings.Cut(strings.TrimPrefix(o.Spec.URL, "oci://"), "/")
	ref := cmp.Or(o.Spec.Reference, &sourcev1.OCIRepositoryRef{})
	tag := cmp.Or(ref.Tag, "latest")
	if ref.SemVer != "" {
		var list struct{ Tags []string }
		if _, err := s.get(ctx, repository+"/tags/list", &list); err != nil {
			return "", "", nil, err
		}
		tag = slices.Max(slices.DeleteFunc(list.Tags, func(tag string) bool { return tag[0] > '9' }))
	}
	var found struct{ Layers []struct{ Digest string } }
	raw, err := s.get(ctx, repository+"/manifests/"+cmp.Or(ref.Digest, tag), &found)
	if err != nil {
		return "", "", nil, err
	}
	manifest = digest.FromBytes(raw).String()
	layer, err := s.get(ctx, repository+"/blobs/"+found.Layers[0].Digest, nil)
	if err != nil {
		return "", "", nil, err
	}
	revision = tag + "@" + manifest
	if ref.Digest != "" {
		revision = manifest
	}
	file, err = recompress(layer)
	return revision, manifest, file, err
}

func (s *standIn) get(ctx context.Context, path string, into any) (raw []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+bed.Registry.Direct+"/v2/"+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if raw, err = io.ReadAll(resp.Body); err != nil || into == nil {
		return raw, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return raw, json.Unmarshal(raw, into)
}

func recompress(archive []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.HuffmanOnly)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, r); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
