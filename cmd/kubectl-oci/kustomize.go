package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// kustomize is a folder to build before it is packed.
type kustomize struct {
	folder      string
	allowRemote bool
}

func (k *kustomize) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&k.folder, "kustomize", "k", "", "folder with a kustomization to build and pack, as one file, in place of --filename")
	flags.BoolVar(&k.allowRemote, "allow-remote", false, "let the kustomization fetch what is in git and on the web")
}

var errRemote = errors.New("the kustomization asks for something that is elsewhere")

const remoteHint = "--allow-remote fetches it, at each build anew; a copy beside the kustomization would always be the same"

// build gives what the kustomization makes, and the folder around all that it read. Nothing is asked over a network, nor is any program
// run, unless that is allowed; and it may be anybody's pull request, so there is a bound to what it takes.
func (k *kustomize) build(ctx context.Context, report *reporter) (*archive.Spool, string, error) {
	files := &seenFiles{FileSystem: filesys.MakeFsOnDisk(), allowRemote: k.allowRemote}
	text, err := k.make(ctx, files)
	switch refused := files.refused(); {
	case ctx.Err() != nil:
		return nil, "", context.Cause(ctx)
	case errors.Is(refused, errRemote), refused == nil && err != nil && !k.allowRemote && isRemoteFailure(err):
		return nil, "", &hintedError{fmt.Errorf("build %q: %w", k.folder, cmp.Or(refused, errRemote)), remoteHint}
	case refused != nil:
		return nil, "", fmt.Errorf("build %q: %w", k.folder, refused)
	case err != nil:
		return nil, "", fmt.Errorf("build %q: %s", k.folder, withoutSecrets(oneLine(err)))
	case len(text) == 0:
		return nil, "", fmt.Errorf("build %q: nothing came of it", k.folder)
	case len(text) > resource.MaxFile:
		return nil, "", fmt.Errorf("build %q: more than %s came of it", k.folder, size(resource.MaxFile))
	}
	spool := archive.NewSpool(spoolMemory)
	if _, err := spool.Write(text); err != nil {
		return nil, "", errors.Join(err, spool.Close())
	}
	report.line("built %s, %s", k.folder, size(int64(len(text))))
	return spool, files.around(), nil
}

// make has kustomize, which knows no context, left behind where somebody interrupts or it takes too much: then the process ends, and
// until then it stays enclosed.
func (k *kustomize) make(ctx context.Context, files filesys.FileSystem) ([]byte, error) {
	around, err := k.enclose()
	defer around.remove()
	if err != nil {
		return nil, err
	}
	ctx, stop := lightly(ctx, maxBuildMemory)
	defer stop()
	text, err := await(ctx, func() ([]byte, error) {
		options := krusty.MakeDefaultOptions()
		options.Reorder = krusty.ReorderOptionUnspecified // as kubectl kustomize has it
		all, err := krusty.MakeKustomizer(options).Run(files, k.folder)
		if err != nil {
			return nil, err
		}
		return all.AsYaml()
	})
	if ctx.Err() == nil {
		around.restore()
	}
	return text, err
}

// refusing is a network that nobody may use.
type refusing struct{}

func (refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), errRemote)
}

func isRemoteFailure(err error) bool {
	return errors.Is(err, errRemote) || strings.Contains(err.Error(), errRemote.Error()) || strings.Contains(err.Error(), "no 'git' program on path")
}
