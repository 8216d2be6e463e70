package testbed_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
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

// TestMain starts the testbed that the tests share; or, for TestRunEndsWithSignal, one whose tests never end.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TESTBED_TEST_DIR"); dir != "" {
		o := testbed.Options{Dir: dir, RegistryOnly: true}
		os.Exit(testbed.Run(endless{}, o, func(*testbed.Testbed) { fmt.Println("up") }))
	}
	os.Exit(testbed.Run(m, testbed.Options{Log: os.Stderr}, func(tb *testbed.Testbed) { shared = tb }))
}

type endless struct{}

func (endless) Run() int {
	<-make(chan int)
	return 0
}

// Ctrl-C while tests run leaves nothing either.
func TestRunEndsWithSignal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "TESTBED_TEST_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "up\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: terminated" {
		t.Errorf("ended with %v, want as by a signal", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
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
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "kept-"}, Data: map[string]string{"a": "b"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.CoreV1().ConfigMaps("default").Get(t.Context(), made.Name, metav1.GetOptions{})
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
	made, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "fresh-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := client.CoreV1().ServiceAccounts(made.Name).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer accounts.Stop()
	if event := <-accounts.ResultChan(); event.Object.(*corev1.ServiceAccount).Name != "default" {
		t.Errorf("got %v", event)
	}
	gone, err := namespaces.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + made.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Stop()
	if err := namespaces.Delete(t.Context(), made.Name, metav1.DeleteOptions{}); err != nil {
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
	before := shared.Registry.Proxy.Counts()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shared.Registry.URL()+"/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	counted := shared.Registry.Proxy.Counts().Sub(before)
	if response.StatusCode != http.StatusOK || counted.Requests["GET ping"] != 1 {
		t.Errorf("got %s, counted %v", response.Status, counted)
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
