package testbed_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-oci/kubectl-oci/e2e/testbed"
)

var shared *testbed.Testbed

func TestMain(m *testing.M) {
	os.Exit(testbed.Run(m, testbed.Options{Log: os.Stderr}, func(tb *testbed.Testbed) { shared = tb }))
}

func kube(t *testing.T, tb *testbed.Testbed) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", tb.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func start(t *testing.T, o testbed.Options) *testbed.Testbed {
	t.Helper()
	tb, err := testbed.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tb.Stop)
	return tb
}

func TestAPIServer(t *testing.T) {
	t.Parallel()
	client := kube(t, shared)
	version, err := client.ServerVersion()
	if err != nil || version.GitVersion != "v1.36.3" {
		t.Fatalf("version %v, %v", version, err)
	}
	made, err := client.CoreV1().ConfigMaps("default").Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept"}, Data: map[string]string{"a": "b"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.CoreV1().ConfigMaps("default").Get(t.Context(), "kept", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("ConfigMap (-want +got):\n%s", diff)
	}
}

// The controllers run: a new namespace gets its ServiceAccount, and a deleted one goes away.
func TestControllers(t *testing.T) {
	t.Parallel()
	client := kube(t, shared)
	namespaces := client.CoreV1().Namespaces()
	if _, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "fresh"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	accounts, err := client.CoreV1().ServiceAccounts("fresh").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer accounts.Stop()
	if event := <-accounts.ResultChan(); event.Object.(*corev1.ServiceAccount).Name != "default" {
		t.Errorf("got %v", event)
	}
	gone, err := namespaces.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=fresh"})
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Stop()
	if err := namespaces.Delete(t.Context(), "fresh", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for event := range gone.ResultChan() {
		if event.Type == "DELETED" {
			return
		}
	}
	t.Error("the namespace was not deleted")
}

// Whoever is not the administrator needs RBAC, as in any cluster.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	config, err := clientcmd.BuildConfigFromFlags("", shared.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Impersonate.UserName = "system:serviceaccount:default:default"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("got %v, want forbidden", err)
	}
}

func TestRegistryAndProxy(t *testing.T) {
	t.Parallel()
	response, err := http.Get(shared.Registry.URL() + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || shared.Registry.Proxy.Counts().Requests["GET ping"] != 1 {
		t.Errorf("got %s, counted %v", response.Status, shared.Registry.Proxy.Counts())
	}
}

func TestTemporaryFolderGoes(t *testing.T) {
	t.Parallel()
	tb := start(t, testbed.Options{RegistryOnly: true})
	var group sync.WaitGroup
	for range 3 {
		group.Go(tb.Stop)
	}
	group.Wait()
	if _, err := os.Stat(tb.Dir); !os.IsNotExist(err) {
		t.Errorf("%s is there still: %v", tb.Dir, err)
	}
	if tb.Done() != nil || tb.Err() != nil {
		t.Error("a testbed without a control plane ended by itself")
	}
}

func TestStartKeepsOthersFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tb, err := testbed.Start(t.Context(), testbed.Options{Dir: dir, RegistryOnly: true})
	if err == nil {
		tb.Stop()
		t.Fatal("started in a folder that is not empty")
	}
	if want := fmt.Sprintf("run folder %q is not empty", dir); !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}
