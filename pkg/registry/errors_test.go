package registry

import (
	"errors"
	"net"
	"net/url"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

func TestLookupErrorsAreStable(t *testing.T) {
	t.Parallel()
	dns := &net.DNSError{Err: "read udp 10.244.0.5:41234->10.96.0.10:53: i/o timeout", Name: "r.example", Server: "10.96.0.10:53", IsTimeout: true}
	err := translate(&url.Error{Op: "Get", URL: "https://r.example/v2/", Err: &net.OpError{Op: "dial", Net: "tcp", Err: dns}})
	if want := "GET r.example: dial: lookup r.example: timeout"; err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
	if found, ok := errors.AsType[*net.DNSError](err); !ok || !found.IsTimeout {
		t.Error("the kind of the error is lost")
	}
}

func TestLargeManifestIsUnusable(t *testing.T) {
	t.Parallel()
	_, _, err := new(Repository).Manifest(t.Context(), ocispec.Descriptor{Size: artifact.MaxManifest + 1})
	if _, ok := errors.AsType[*UnusableError](err); !ok {
		t.Errorf("the error is %v", err)
	}
}
