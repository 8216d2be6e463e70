package source

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// A client such as oras pushes a file as it is, calls it a tar all the same, and gives its name in an annotation.

// fileName is the name under which a layer that is a text is packed. Of a path only the last element counts, which leads nowhere.
func fileName(layer chosen) (string, error) {
	if layer.others > 0 {
		return "", fmt.Errorf("read layer: it is a file and not an archive, and the first of %d layers: "+
			"push the folder, or choose one by spec.layerSelector.mediaType", layer.others+1)
	}
	title := layer.Annotations[artifact.AnnotationTitle]
	if title == "" {
		return "", fmt.Errorf("read layer: it is a file and not an archive, and no annotation %s names it", artifact.AnnotationTitle)
	}
	name := path.Base(strings.ReplaceAll(title, `\`, "/"))
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml", ".json":
		return name, nil
	}
	// It would be served, and nothing of it applied.
	return "", fmt.Errorf("read layer: it is the file %q and not an archive; of files only .yaml, .yml and .json are served", name)
}

func isText(spool *archive.Spool) (bool, error) {
	r, err := spool.Open()
	if err != nil {
		return false, err
	}
	defer r.Close()
	return archive.IsText(r)
}

// storeFile packs a layer that is a file, and puts the archive into the store.
func (s *Source) storeFile(ctx context.Context, spool *archive.Spool, layer chosen, req Request) (store.Entry, error) {
	name, err := fileName(layer)
	if err != nil {
		return store.Entry{}, unusable(v1.ReasonLayerOperationFailed, err)
	}
	if err := s.unpacking.take(ctx); err != nil {
		return store.Entry{}, failedRequest(v1.ReasonPullFailed, err)
	}
	defer s.unpacking.giveBack()
	options := archive.PackOptions{Limits: s.Limits}
	if req.Spec.Ignore != nil {
		options.Ignore = []string{*req.Spec.Ignore}
	}
	packed := archive.NewSpool(spoolMemory)
	defer packed.Close()
	to := &spoolWriter{spool: packed}
	switch _, err := archive.Pack(ctx, to, archive.FromSpool(name, spool), options); {
	case ctx.Err() != nil:
		return store.Entry{}, failedRequest(v1.ReasonPullFailed, context.Cause(ctx))
	case isDisk(err):
		return store.Entry{}, failedStorage(err)
	case errors.Is(err, archive.ErrEmpty):
		return store.Entry{}, unusable(v1.ReasonLayerOperationFailed, errNothingLeft)
	case err != nil:
		return store.Entry{}, unusable(v1.ReasonLayerOperationFailed, err)
	}
	req.Trace.stored("packed, for it is a file and no archive: %s", name)
	return s.put(req, copyOf(packed))
}
