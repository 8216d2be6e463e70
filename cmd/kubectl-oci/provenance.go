package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// provenance is what an artifact says of where it comes from: flags first, then git.
type provenance struct {
	source      string
	revision    string
	annotations []string
}

func (p *provenance) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&p.source, "source", "", "where the files come from, a URL (default: the git remote)")
	flags.StringVar(&p.revision, "revision", "", "revision of the files, as in main@sha1:… (default: the last commit that touched them)")
	flags.StringArrayVarP(&p.annotations, "annotation", "a", nil, "key=value to put on the artifact; may be repeated; the value may hold =")
}

func (p *provenance) validate() error {
	if p.source != "" && published(p.source) != p.source {
		return usageError{errors.New("--source is not a URL that others may read: write it as https://host/path, without user and password")}
	}
	_, err := p.parse()
	return err
}

func (p *provenance) parse() (map[string]string, error) { return keyValues(p.annotations) }

// keyValues reads annotations as people type them.
func keyValues(texts []string) (map[string]string, error) {
	parsed := map[string]string{}
	for _, a := range texts {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("annotation %q is not key=value", a)}
		}
		parsed[key] = value
	}
	return parsed, nil
}

// metadata asks git about the tree, says what it found out of order, and lets flags and SOURCE_DATE_EPOCH win.
func (p *provenance) metadata(ctx context.Context, t *tree, skipped []string, report *reporter) (artifact.Metadata, error) {
	annotations, err := p.parse()
	if err != nil {
		return artifact.Metadata{}, err
	}
	m := artifact.Metadata{Source: p.source, Revision: p.revision, Annotations: maps.Clone(annotations)}
	if t.from != "" {
		c, err := readCheckout(ctx, t.from, t.isDir, skipped)
		if err != nil && ctx.Err() == nil {
			report.line("git: %v, so the artifact names neither source nor revision but those of --source and --revision", err)
		}
		c.warn(report, p.source != "", p.revision != "")
		m.Created = c.created()
		if m.Source == "" {
			m.Source = c.source
		}
		if m.Revision == "" {
			m.Revision = c.revision()
		}
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseUint(epoch, 10, 35) // up to the year 3058
		if err != nil {
			return artifact.Metadata{}, fmt.Errorf("read SOURCE_DATE_EPOCH %q: not a number of seconds since 1970", epoch)
		}
		m.Created = time.Unix(int64(seconds), 0)
	}
	return m, nil
}

// warn says what would surprise somebody who compares the artifact with git later.
func (c checkout) warn(report *reporter, sourceGiven, revisionGiven bool) {
	if c.secret && !sourceGiven {
		report.line("git: the remote is no plain address of https, http, ssh or git, so the artifact names no source; --source sets one")
	}
	switch {
	case c.commit == "" || revisionGiven:
	case c.changed:
		report.line("git: there are uncommitted changes, so the artifact names no revision; --revision sets one")
	case c.extra != "":
		report.line("git: %s is packed but not committed, so the artifact names no revision; --revision sets one", c.extra)
	case c.shallow:
		report.line("git: this is a shallow clone, so the revision may be a later commit than the one that last touched the files")
	}
}
