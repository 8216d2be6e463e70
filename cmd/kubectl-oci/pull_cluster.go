package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

func (o *pullOptions) completeFromCluster(name string) error {
	switch {
	case o.verify || o.verification.used():
		return usageError{errors.New("what the cluster has, its agent has verified, where spec.verify says so: leave out --verify")}
	case o.remote.used():
		return usageError{errors.New("who you are to a registry, and how it is reached, was said, and none is asked here")}
	case o.to == "-":
		return usageError{errors.New("what the cluster has is unpacked into a folder: name one with --to")}
	case o.layer != "":
		return usageError{errors.New("what the cluster has is unpacked whole: leave --layer out")}
	}
	o.object, o.to = name, cmp.Or(o.to, name)
	return o.validate()
}

func (o *pullOptions) runFromCluster(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	c, err := o.cluster.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	folder, err := prepare(o.to, o.merge)
	if err != nil {
		return err
	}
	defer folder.abort()
	object, spool, err := o.fromCluster(ctx, c, report)
	if err != nil {
		return err
	}
	defer spool.Close()
	if err := folder.unpack(ctx, spool); err != nil {
		return fmt.Errorf("unpack %q: %w", kindPrefix+o.object, err)
	}
	report.line("unpacked into %s", o.to)
	_, err = fmt.Fprintln(streams.Out, originOf(object))
	return err
}

// fromCluster gives what the object advertises now. What is replaced while it is fetched is looked up again, once.
func (o *pullOptions) fromCluster(ctx context.Context, c *connection, report *reporter) (*v1.OCIRepository, *archive.Spool, error) {
	var former string
	for {
		u, err := c.one(ctx, c.namespace, o.object)
		if err != nil {
			return nil, nil, err
		}
		object, err := typed(u)
		if err != nil {
			return nil, nil, err
		}
		a := object.Status.Artifact
		if a == nil {
			return nil, nil, &hintedError{fmt.Errorf("pull %q: the cluster has no artifact for it", kindPrefix+o.object),
				fmt.Sprintf("what is wrong: kubectl oci get %s -n %s", o.object, c.namespace)}
		}
		spool, err := o.download(ctx, c, a, report)
		if err == nil {
			return object, spool, nil
		}
		if !apierrors.IsNotFound(err) || former != "" || ctx.Err() != nil {
			return nil, nil, fmt.Errorf("pull %q: %w", kindPrefix+o.object, explainProxy(err, a.URL))
		}
		former = a.URL
	}
}

// download gives an artifact's bytes, which have its digest. The caller closes the spool.
func (o *pullOptions) download(ctx context.Context, c *connection, a *v1.Artifact, report *reporter) (*archive.Spool, error) {
	want := digest.Digest(a.Digest)
	if err := want.Validate(); err != nil {
		return nil, fmt.Errorf("its digest %q is none", a.Digest)
	}
	limit, length := archive.DefaultLimits().Compressed, int64(-1)
	if a.Size != nil {
		length = *a.Size
	}
	if length > limit {
		return nil, fmt.Errorf("it has %d bytes, more than the limit of %d", length, limit)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(o.timeout, func() { cancel(errStalled) })
	defer stalled.Stop()
	body, err := c.service(ctx, a.URL)
	if err != nil {
		return nil, stallOr(ctx, err)
	}
	defer body.Close()
	bar := report.bar("pulling", length)
	defer bar.Finish()
	spool, verifier := archive.NewSpool(spoolMemory), want.Verifier()
	alive := writerFunc(func(p []byte) (int, error) { stalled.Reset(o.timeout); return len(p), nil })
	n, err := io.Copy(io.MultiWriter(spool, verifier, bar, alive), io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		err = stallOr(ctx, err)
	case n > limit:
		err = fmt.Errorf("it has more than %d bytes", limit)
	case !verifier.Verified():
		err = fmt.Errorf("its %d bytes do not have the digest %s that the object's status tells", n, want)
	default:
		return spool, nil
	}
	return nil, errors.Join(err, spool.Close())
}

var errStalled = errors.New("nothing came any more")

func stallOr(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return &hintedError{errStalled, "--timeout sets how long it may stand still"}
	}
	return err
}

// writerFunc sees what is written.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// service asks a Service of the cluster through the API server.
func (c *connection) service(ctx context.Context, address string) (io.ReadCloser, error) {
	path, err := proxyPath(address)
	if err != nil {
		return nil, err
	}
	return c.get(ctx, path)
}

// get asks the API server for what lies at a path. The caller closes it.
func (c *connection) get(ctx context.Context, path string) (io.ReadCloser, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	config := rest.CopyConfig(c.config)
	config.GroupVersion, config.APIPath = &schema.GroupVersion{Version: "v1"}, "/api"
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientForConfigAndClient(config, c.http)
	if err != nil {
		return nil, err
	}
	return client.Get().AbsPath(path).SetHeader("Accept", "*/*").SetHeader("Accept-Encoding", "identity").Stream(ctx)
}

// dnsLabel is a name of a Service or a namespace, which becomes part of a request's path.
const dnsLabel = `[a-z0-9]([-a-z0-9]*[a-z0-9])?`

// proxyPath is where the API server has what a Service inside the cluster serves at an address.
func proxyPath(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("its address cannot be read")
	}
	name, port := u.Hostname(), u.Port()
	match := regexp.MustCompile(`^(` + dnsLabel + `)\.(` + dnsLabel + `)(\.svc(\..+)?)?$`).FindStringSubmatch(strings.TrimSuffix(name, "."))
	if match == nil || net.ParseIP(name) != nil {
		return "", fmt.Errorf("its address is at %q, which is no Service of the cluster", u.Host)
	}
	if u.Path != path.Clean(u.Path) || strings.ContainsAny(u.Path, "%?#") || u.RawQuery != "" {
		return "", errors.New("its address has an unusual path")
	}
	service := match[1] + ":" + cmp.Or(port, map[string]string{"https": "443"}[u.Scheme], "80")
	if u.Scheme == "https" {
		service = "https:" + service
	}
	return "/api/v1/namespaces/" + match[3] + "/services/" + service + "/proxy" + u.Path, nil
}

// explainProxy says what stands between the API server and whoever serves the artifact.
func explainProxy(err error, address string) error {
	switch {
	case apierrors.IsForbidden(err):
		return &hintedError{err, "the right to get services/proxy is needed in the namespace of whoever serves it"}
	case isProxyError(err):
		return &hintedError{err, fmt.Sprintf("does who serves it run, and does a NetworkPolicy let the API server in? Its address is %q", address)}
	}
	return err
}

// isProxyError tells whether the API server could not reach the Service.
func isProxyError(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code >= 500
}

// originOf is where the object's artifact came from, by digest: as its metadata tell, or else as the spec and the revision do.
func originOf(o *v1.OCIRepository) string {
	if source := o.Status.Artifact.Metadata[v1.MetadataSource]; source != "" {
		if ref, err := registry.Parse(source); err == nil {
			return ref.String()
		}
	}
	revision := o.Status.Artifact.Revision
	ref, err := registry.Parse(o.Spec.URL)
	d := digest.Digest(revision[strings.LastIndexByte(revision, '@')+1:])
	if err != nil || d.Validate() != nil {
		return oneLineOf(revision)
	}
	return ref.At(d).String()
}
