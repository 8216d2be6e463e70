package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// What is deleted before anybody looks is not waited for.
func TestAnswerOfDeleted(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") != "" {
			t.Error("it is watched for")
		}
		fmt.Fprint(w, `{"kind":"OCIRepositoryList","apiVersion":"source.toolkit.fluxcd.io/v1","metadata":{"resourceVersion":"1"},"items":[]}`)
	}))
	t.Cleanup(server.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	object := &v1.OCIRepository{}
	object.Name, object.Namespace = "app", "apps"
	c := &connection{client: client, version: v1.Version}
	if _, err := c.answer(t.Context(), object, time.Minute); !errors.Is(err, errDeleted) {
		t.Errorf("got %v", err)
	}
}
