// Command image builds the agent's container image for linux on amd64 and arm64, and sends it to a registry, an OCI layout or a tar archive of
// one. Nothing but the agent is in the image: no base image and no container engine is needed, and the same commit, version and release of
// Go give the same digest.
//
//	go -C tools run ./image -version v1.0.0 (REGISTRY/REPOSITORY[:TAG] | FOLDER | FILE.tar)
//
// Prints the image's reference by digest.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kubectl-oci/kubectl-oci/tools/build"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	root      string
	version   string
	platforms []build.Platform
	key       string // to sign the image with; empty: none
	with      string // plugin to send it with; empty: it is built
	to        string // as of kubectl oci copy
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	if o.root, err = filepath.Abs(o.root); err != nil {
		return err
	}
	origin, err := build.ReadOrigin(ctx, o.root, o.version)
	if err != nil {
		return err
	}
	if o.key != "" {
		if err := origin.CheckKey(); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "kubectl-oci-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	layout := filepath.Join(dir, "layout")
	if err := write(ctx, layout, origin, o.platforms); err != nil {
		return err
	}
	return o.send(ctx, layout, origin, out, log)
}

// send copies the layout to where the image is wanted, and signs it there.
func (o options) send(ctx context.Context, layout string, origin build.Origin, out, log io.Writer) error {
	plugin, err := origin.Plugin(ctx, o.with, log)
	if err != nil {
		return err
	}
	defer plugin.Close()
	var reference bytes.Buffer
	if err := plugin.Run(ctx, &reference, "copy", layout+":"+o.version, o.to); err != nil {
		return err
	}
	if o.key != "" {
		if err := o.sign(ctx, plugin, strings.TrimSpace(reference.String())); err != nil {
			return err
		}
	}
	_, err = reference.WriteTo(out)
	return err
}

func (o options) sign(ctx context.Context, plugin *build.Plugin, reference string) error {
	if err := plugin.Run(ctx, io.Discard, "sign", reference, "--key", o.key); err != nil {
		return err
	}
	return plugin.CheckSignature(ctx, reference)
}

func parse(args []string, usage io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.root, "root", "..", "`folder` of the repository")
	flags.StringVar(&o.version, "version", "", "`version` of the agent, which is the image's tag where none is given")
	flags.StringVar(&o.key, "key", "", "`key` to sign the image with, as of kubectl oci sign")
	flags.StringVar(&o.with, "with", "", "`path` of a plugin to send it with (default: it is built)")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "`list` of what to build for")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for text := range strings.SplitSeq(*platforms, ",") {
		p, err := build.ParsePlatform(text)
		if err != nil {
			return o, err
		}
		if p.OS != "linux" {
			return o, fmt.Errorf("platform %s: the agent runs on linux", p)
		}
		o.platforms = append(o.platforms, p)
	}
	switch {
	case o.version == "":
		return o, errors.New("say with -version what it is")
	case flags.NArg() != 1:
		return o, errors.New("name one place for it, as in registry.example.com/kubectl-oci/agent:v1.0.0 or ./agent.tar")
	}
	o.to = flags.Arg(0)
	return o, nil
}
