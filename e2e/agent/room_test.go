package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// patience is how long a test waits for anything before it gives up.
const patience = time.Minute

// soon is a context for one wait.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("nothing came of it"))
	t.Cleanup(cancel)
	return ctx
}

// room is what a test has to itself: a namespace, and a record of all that happens in it.
type room struct {
	*record
	shard string
}

// newRoom makes a room whose objects the shared agent sees.
func newRoom(t *testing.T) *room { return newShard(t, "") }

// newShard makes a room whose objects are seen by agents of that shard alone.
func newShard(t *testing.T, shard string) *room {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "room-"}}
	if err := control.admin.Create(soon(t), namespace); err != nil {
		t.Fatal(err)
	}
	return enterRoom(t, namespace.Name, shard)
}

// enterRoom makes a room of a namespace that is there.
func enterRoom(t *testing.T, namespace, shard string) *room {
	t.Helper()
	r := &room{record: newRecord(t, namespace, shard), shard: shard}
	t.Cleanup(r.clear)
	return r
}

// clear removes the room's objects, so that no agent goes on with them when the test is over.
func (r *room) clear() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience)
	defer cancel()
	if err := control.admin.DeleteAllOf(ctx, &v1.OCIRepository{}, client.InNamespace(r.namespace)); err != nil {
		r.t.Error(err)
	}
	if r.shard == "" && shared.Err() != nil {
		r.t.Error(shared.Err())
	}
}

// create makes an object with this spec. One without an interval is polled once only, unless somebody asks for more.
func (r *room) create(name string, spec v1.OCIRepositorySpec) {
	r.t.Helper()
	if spec.Interval.Duration == 0 {
		spec.Interval.Duration = time.Hour
	}
	object := &v1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: name}, Spec: spec}
	if r.shard != "" {
		object.Labels = map[string]string{shardLabel: r.shard}
	}
	if err := control.admin.Create(soon(r.t), object); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) get(name string) *v1.OCIRepository {
	r.t.Helper()
	object := &v1.OCIRepository{}
	if err := control.admin.Get(soon(r.t), client.ObjectKey{Namespace: r.namespace, Name: name}, object); err != nil {
		r.t.Fatal(err)
	}
	return object
}

// change edits an object and returns its new generation.
func (r *room) change(name string, edit func(*v1.OCIRepository)) int64 {
	r.t.Helper()
	object := r.get(name)
	before := object.DeepCopy()
	edit(object)
	if err := control.admin.Patch(soon(r.t), object, client.MergeFrom(before)); err != nil {
		r.t.Fatal(err)
	}
	r.untilSeen(object)
	return object.Generation
}

// poll asks for a reconcile at once, and waits until it is answered.
func (r *room) poll(name string) *v1.OCIRepository {
	r.t.Helper()
	token := r.ask(name)
	return r.until(name, want{"polled at request " + token, func(o *v1.OCIRepository) bool {
		return o.Status.LastHandledReconcileAt == token
	}})
}

// ask asks for a reconcile at once.
func (r *room) ask(name string) (token string) {
	r.t.Helper()
	token = time.Now().UTC().Format(time.RFC3339Nano)
	r.change(name, func(o *v1.OCIRepository) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1.AnnotationReconcileRequest, token)
	})
	return token
}

func (r *room) delete(name string) {
	r.t.Helper()
	object := &v1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: name}}
	if err := control.admin.Delete(soon(r.t), object); err != nil {
		r.t.Fatal(err)
	}
}

// pullSecret makes a Secret as `kubectl create secret docker-registry` does.
func (r *room) pullSecret(name, host, user, password string) *v1.LocalObjectReference {
	r.t.Helper()
	config := fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, host, user, password)
	return r.secret(name, corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, config)
}

// secret makes a Secret, or replaces the value in it.
func (r *room) secret(name string, kind corev1.SecretType, key, value string) *v1.LocalObjectReference {
	r.t.Helper()
	secret := r.secretNamed(name)
	secret.Type, secret.Data = kind, map[string][]byte{key: []byte(value)}
	err := control.admin.Create(soon(r.t), secret)
	if err != nil && strings.Contains(err.Error(), "already exists") {
		err = control.admin.Update(soon(r.t), secret)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return &v1.LocalObjectReference{Name: name}
}

func (r *room) secretNamed(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: name}}
}

// exposes is what most tests wait for first.
func exposes(revision string) want {
	return want{"Ready with " + revision, func(o *v1.OCIRepository) bool {
		return isReady(o) && o.Status.Artifact.Revision == revision
	}}
}

// fails is an object that tells of trouble with the spec as it is now.
func fails(reason string) want {
	return want{"not Ready, " + reason, func(o *v1.OCIRepository) bool {
		c := condition(o, v1.ConditionReady)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == reason && c.ObservedGeneration == o.Generation
	}}
}
