// Command release builds a release of the plugin into a new folder: an archive and a list of what it is made of for every platform, their
// checksums, and the manifest for a krew index. The same commit, version and release of Go give the same bytes. With -publish the folder
// goes to a registry too, as an artifact like any other, signed where a key is given.
//
//	go -C tools run ./release -version v1.0.0 -to DIR
//
// Prints the artifact's reference by digest, where there is one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
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
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	root       string
	version    string
	to         string // folder, made here
	platforms  []build.Platform
	plugin     string // its name in the krew index
	url        string // of the folder that the archives can be had from; empty: what krew.yaml says
	repository string // to publish in; empty: none
	key        string // to sign with what is published; empty: none
	with       string // plugin to publish with; empty: it is built
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	r, err := newRelease(ctx, o, progress)
	if err != nil {
		return err
	}
	if err := r.make(ctx); err != nil {
		return err
	}
	if o.repository == "" {
		return nil
	}
	return r.publish(ctx, out)
}

func parse(args []string, usage io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.root, "root", "..", "`folder` of the repository")
	flags.StringVar(&o.version, "version", "", "`version` of the release, as in v1.2.3")
	flags.StringVar(&o.to, "to", "", "`folder` to make")
	flags.StringVar(&o.plugin, "plugin", "oci", "`name` of the plugin in the krew index")
	flags.StringVar(&o.url, "url", "", "`address` of the folder that the archives can be had from (default: that of krew.yaml)")
	flags.StringVar(&o.repository, "publish", "", "`repository` to push the release to, as an artifact")
	flags.StringVar(&o.key, "key", "", "`key` to sign the artifact with, as of kubectl oci sign")
	flags.StringVar(&o.with, "with", "", "`path` of a plugin to publish with (default: it is built)")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64",
		"`list` of what to build for")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for text := range strings.SplitSeq(*platforms, ",") {
		p, err := build.ParsePlatform(text)
		if err != nil {
			return o, err
		}
		o.platforms = append(o.platforms, p)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, o.validate()
}

// A version as krew takes it, and as a tag can be: without "+".
var versionPattern = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

// A name as krew's index takes it, which is a file's name too.
var pluginPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (o options) validate() error {
	switch {
	case !versionPattern.MatchString(o.version):
		return fmt.Errorf("version %q is not as in v1.2.3 or v1.2.3-rc.1", o.version)
	case !pluginPattern.MatchString(o.plugin):
		return fmt.Errorf("plugin %q is not as in oci-artifacts", o.plugin)
	case o.to == "":
		return errors.New("name the folder to make with -to")
	case o.key != "" && o.repository == "":
		return errors.New("-key signs what -publish names: nothing is published")
	}
	return nil
}
