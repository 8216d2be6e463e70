package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Module is one whose code is in a program. Go's own library is the module "Go".
type Module struct {
	Path    string
	Version string // "go1.26.0" of Go's; of the original where it is replaced by a folder
	Dir     string
}

// Package is one that is linked into a program.
type Package struct {
	Module Module
	Dir    string
}

// Packages lists what a package, as in ./cmd/agent, takes when it is built for a platform, itself among them.
func (o Origin) Packages(ctx context.Context, pkg string, on Platform) (all []Package, err error) {
	release, err := o.output(ctx, on, "env", "GOVERSION", "GOROOT")
	if err != nil {
		return nil, err
	}
	standard := Module{Path: "Go"}
	standard.Version, standard.Dir, _ = strings.Cut(strings.TrimSpace(string(release)), "\n")
	out, err := o.output(ctx, on, "list", "-mod=readonly", "-deps", "-json=Dir,Standard,Module", pkg)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read packages of %q: %w", pkg, err)
		}
		all = append(all, p.in(standard))
	}
}

// listed is a package as the go command describes it.
type listed struct {
	Dir      string
	Standard bool
	Module   struct {
		Module
		Replace *Module
	}
}

func (p listed) in(standard Module) Package {
	m := p.Module.Module
	switch replacement := p.Module.Replace; {
	case p.Standard:
		m = standard
	case replacement != nil && replacement.Version != "":
		m = *replacement
	}
	return Package{Module: m, Dir: p.Dir}
}
