package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// A layer up to this size, in bytes, is checked in memory; a larger one in a temporary file.
const spoolMemory = 1 << 20

// Whoever applies an empty artifact and prunes would delete everything.
var errNothingLeft = errors.New("read layer: no file is left to serve: it holds none, or ignore rules leave out all")

// chosen is a layer, and how many others are in the artifact that nobody said to leave out.
type chosen struct {
	ocispec.Descriptor
	others int
}

func chooseLayer(m *ocispec.Manifest, selector *v1.OCILayerSelector) (layer chosen, err error) {
	mediaType := ""
	if selector != nil {
		mediaType = selector.MediaType
	}
	layer.Descriptor, err = artifact.ChooseLayer(m, mediaType)
	if mediaType == "" {
		layer.others = len(m.Layers) - 1
	}
	return layer, err
}

// storeLayer fetches the layer, checks it and puts what the spec asks for into the store.
func (s *Source) storeLayer(ctx context.Context, repo *registry.Repository, layer chosen, req Request) (store.Entry, error) {
	spool := archive.NewSpool(spoolMemory)
	defer spool.Close()
	if err := s.fetchLayer(ctx, repo, layer.Descriptor, spool); err != nil {
		return store.Entry{}, err
	}
	if selector := req.Spec.LayerSelector; selector != nil && selector.Operation == v1.LayerCopy {
		req.Trace.stored("the layer's own bytes, whatever they are: spec.layerSelector.operation is %s", v1.LayerCopy)
		return s.put(req, copyOf(spool))
	}
	switch text, err := isText(spool); {
	case err != nil:
		return store.Entry{}, failedStorage(err)
	case text:
		return s.storeFile(ctx, spool, layer, req)
	}
	return s.unpack(ctx, spool, req)
}

// unpack puts a layer into the store that holds an archive: as it is, or without what is not to be served.
func (s *Source) unpack(ctx context.Context, spool *archive.Spool, req Request) (store.Entry, error) {
	if err := s.unpacking.take(ctx); err != nil {
		return store.Entry{}, failedRequest(v1.ReasonPullFailed, err)
	}
	defer s.unpacking.giveBack()
	verdict, err := judge(ctx, spool, req.Spec.Ignore, s.Limits)
	switch {
	case ctx.Err() != nil:
		return store.Entry{}, failedRequest(v1.ReasonPullFailed, context.Cause(ctx))
	case isDisk(err):
		return store.Entry{}, failedStorage(err)
	case err != nil:
		return store.Entry{}, unusable(v1.ReasonLayerOperationFailed, err)
	case verdict.Files == 0:
		return store.Entry{}, unusable(v1.ReasonLayerOperationFailed, errNothingLeft)
	case verdict.Keep:
		req.Trace.stored("the layer's own bytes; files: %d", verdict.Files)
		return s.put(req, copyOf(spool))
	}
	req.Trace.stored("packed anew, for %s; files: %d", verdict.Why, verdict.Files)
	return s.put(req, func(w io.Writer) error { return repack(ctx, w, spool, verdict) })
}

// isDisk tells trouble with the spool's file from trouble with what is in it.
func isDisk(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	_, spool := errors.AsType[*spoolError](err)
	return path || spool
}

// fetchLayer has the layer's bytes checked, size and digest, before anybody parses them.
func (s *Source) fetchLayer(ctx context.Context, repo *registry.Repository, layer ocispec.Descriptor, spool *archive.Spool) error {
	if limit := cmp.Or(s.Limits.Compressed, archive.DefaultLimits().Compressed); layer.Size > limit {
		return unusable(v1.ReasonLayerOperationFailed, fmt.Errorf("fetch layer %q: it has %d bytes, more than the limit of %d", layer.Digest, layer.Size, limit))
	}
	body, err := repo.Blob(ctx, layer)
	switch {
	case len(layer.URLs) > 0 && registry.IsNotFound(err):
		return unusable(v1.ReasonLayerOperationFailed, fmt.Errorf("%w: it lies elsewhere, and the addresses that the manifest names are not followed", err))
	case err != nil:
		return failedRequest(v1.ReasonPullFailed, err)
	}
	defer body.Close()
	if _, err := io.Copy(&spoolWriter{spool: spool}, body); err != nil {
		if full, ok := errors.AsType[*spoolError](err); ok {
			return failedStorage(full)
		}
		return failedRequest(v1.ReasonPullFailed, err)
	}
	return nil
}

// spoolWriter tells trouble with the local disk from trouble with the registry.
type spoolWriter struct{ spool *archive.Spool }

type spoolError struct{ err error }

func (e *spoolError) Error() string { return "spool layer: " + e.err.Error() }
func (e *spoolError) Unwrap() error { return e.err }

func (w *spoolWriter) Write(p []byte) (int, error) {
	n, err := w.spool.Write(p)
	if err != nil {
		err = &spoolError{err}
	}
	return n, err
}

func judge(ctx context.Context, spool *archive.Spool, ignore *string, limits archive.Limits) (*archive.Verdict, error) {
	r, err := spool.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return archive.Judge(ctx, r, ignore, limits)
}

func repack(ctx context.Context, w io.Writer, spool *archive.Spool, verdict *archive.Verdict) error {
	r, err := spool.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = verdict.Repack(ctx, w, r)
	return err
}

func copyOf(spool *archive.Spool) func(io.Writer) error {
	return func(w io.Writer) error {
		r, err := spool.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(w, r)
		return err
	}
}

// put stores what is written, or only what the request is content with.
func (s *Source) put(req Request, write func(io.Writer) error) (entry store.Entry, err error) {
	if req.only != "" {
		entry, err = s.Store.Restore(req.Key, req.only, write)
	} else {
		entry, err = s.Store.Put(req.Key, write)
	}
	if err != nil {
		return store.Entry{}, failedStorage(err)
	}
	return entry, nil
}
