package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// explainedObjects are those of a file, and of the cluster behind it. Neither is changed.
type explainedObjects struct {
	namespace string
	file      []resource.Object // nil: there is no file
	name      string            // of the file
	cluster   *connection       // nil: there is none
	away      error             // why not
	mu        sync.Mutex
	unread    error // what the API server did not let us read, first
}

func (o *explainOptions) openObjects(streams genericiooptions.IOStreams) (*explainedObjects, error) {
	all := &explainedObjects{name: o.filename, namespace: o.overrides.Context.Namespace}
	if all.cluster, all.away = o.connect(streams.ErrOut); all.away == nil {
		all.namespace = all.cluster.namespace
	}
	if hinted := (*hintedError)(nil); o.filename == "" || all.away != nil && !errors.As(all.away, &hinted) { // a kubeconfig that is wrong
		return all, all.away
	}
	var raw []byte
	var err error
	if o.filename == "-" {
		raw, err = io.ReadAll(io.LimitReader(streams.In, resource.MaxFile+1))
	} else {
		raw, err = readBounded(o.filename, resource.MaxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", o.filename, err)
	}
	set := &resource.Set{}
	if err := set.Read(o.filename, bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	all.file, all.namespace = set.Objects, cmp.Or(all.namespace, metav1.NamespaceDefault)
	return all, nil
}

// repository gives the object to explain: of a file, the only one of the namespace and the name that were chosen, if they were.
func (e *explainedObjects) repository(ctx context.Context, chosen, name string) (*v1.OCIRepository, error) {
	if e.name == "" {
		u, err := e.cluster.one(ctx, e.namespace, name)
		if err != nil {
			return nil, err
		}
		return typed(u)
	}
	var found *resource.Object
	for i, o := range e.file {
		switch {
		case o.Group != v1.Group || o.Kind != "OCIRepository" || name != "" && o.Name != name:
		case chosen != "" && cmp.Or(o.Namespace, chosen) != chosen:
		case found != nil:
			return nil, usageError{fmt.Errorf("read %q: it has several OCIRepositories: name one, with -n where it is there in several namespaces", e.name)}
		default:
			found = &e.file[i]
		}
	}
	if found == nil {
		return nil, fmt.Errorf("read %q: it has no %s", e.name, strings.TrimSpace("OCIRepository "+name))
	}
	object := &v1.OCIRepository{}
	if err := into(found.Content, object); err != nil {
		return nil, fmt.Errorf("read %q: line %d: %w", e.name, found.Line, err)
	}
	object.Namespace = cmp.Or(object.Namespace, e.namespace)
	return object, nil
}

func into(content map[string]any, to any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}

// Secret reads one of the file, or else of the cluster.
func (e *explainedObjects) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := e.read(ctx, "Secret", "secrets", namespace, name, secret)
	if len(secret.StringData) > 0 {
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		for key := range maps.Keys(secret.StringData) {
			secret.Data[key] = []byte(secret.StringData[key])
		}
	}
	secret.Namespace, secret.Name = namespace, name
	return secret, err
}

// ServiceAccount reads one of the file, or else of the cluster.
func (e *explainedObjects) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	account := &corev1.ServiceAccount{}
	err := e.read(ctx, "ServiceAccount", "serviceaccounts", namespace, name, account)
	account.Namespace, account.Name = namespace, name
	return account, err
}

func (e *explainedObjects) read(ctx context.Context, kind, plural, namespace, name string, to any) error {
	for _, o := range e.file {
		if o.Group == "" && o.Kind == kind && o.Name == name && cmp.Or(o.Namespace, e.namespace) == namespace {
			return into(o.Content, to)
		}
	}
	err := e.away
	if err == nil {
		err = e.get(ctx, plural, namespace, name, to)
	}
	if err != nil && !apierrors.IsNotFound(err) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unread = cmp.Or(e.unread, fmt.Errorf("read %s %q: %w", kind, namespace+"/"+name, err))
	}
	return err
}

func (e *explainedObjects) get(ctx context.Context, plural, namespace, name string, to any) error {
	resource := schema.GroupVersionResource{Version: "v1", Resource: plural}
	u, err := e.cluster.client.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	return into(u.Object, to)
}

// noIdentity is for what only the agent has.
type noIdentity struct{}

var errNotTheAgent = errors.New("only the agent can log in with that identity")

func (noIdentity) Credential(_ context.Context, provider string, ref registry.Reference, _ *corev1.ServiceAccount) (registry.Credential, error) {
	return registry.Credential{}, errNotTheAgent
}

// unfound tells what keeps this machine from finding out what the agent would.
func (e *explainedObjects) unfound(found attempt.Outcome) error {
	switch {
	case found.Failure != nil && errors.Is(found.Failure, errNotTheAgent):
		return &hintedError{found.Failure.Err, "a pull secret in its place can be explained, and tried with kubectl oci list"}
	case e.unread != nil:
		return e.unread
	}
	return nil
}
