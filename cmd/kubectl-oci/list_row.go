package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// row is a tag and what is known of the artifact that it names.
type row struct {
	Tag      string        `json:"tag"`
	Digest   digest.Digest `json:"digest,omitempty"`
	Created  string        `json:"created,omitempty"` // as the artifact says
	Source   string        `json:"source,omitempty"`
	Revision string        `json:"revision,omitempty"`
	Size     int64         `json:"size"` // of all layers and the config, in bytes
	Signed   bool          `json:"signed"`
	Problem  string        `json:"problem,omitempty"` // why the rest is not known

	version *semver.Version // nil for a tag that is none
}

// created is when the artifact says that it was made; the zero time where it does not.
func (r row) created() time.Time {
	t, err := time.Parse(time.RFC3339, r.Created)
	if err != nil {
		return time.Time{}
	}
	return t
}

func sortRows(rows []row) {
	slices.SortFunc(rows, func(a, b row) int {
		switch {
		case a.version != nil && b.version != nil:
			return cmp.Or(b.version.Compare(a.version), cmp.Compare(a.Tag, b.Tag))
		case a.version != nil:
			return -1
		case b.version != nil:
			return 1
		}
		return cmp.Or(b.created().Compare(a.created()), cmp.Compare(a.Tag, b.Tag))
	})
}

func printNames(w io.Writer, ref registry.Reference, rows []row) error {
	for _, r := range rows {
		if _, err := fmt.Fprintf(w, "%s:%s\n", ref.Name(), r.Tag); err != nil {
			return err
		}
	}
	return nil
}

func printRows(w io.Writer, rows []row, wide bool) error {
	out := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprint(out, "TAG\tDIGEST\tCREATED\tSIZE\tSIGNED\tREVISION")
	if wide {
		fmt.Fprint(out, "\tSOURCE")
	}
	fmt.Fprintln(out)
	for _, r := range rows {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s", r.Tag, r.digest(wide), orNone(r.Created), r.size(), r.isSigned(), r.revision(wide))
		if wide {
			fmt.Fprintf(out, "\t%s", orNone(r.Source))
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}

// Enough of a digest, and of a commit, to tell it from others.
const shortDigest = len("sha256:") + 12

func (r row) digest(wide bool) string {
	if wide || len(r.Digest) < shortDigest {
		return orNone(r.Digest.String())
	}
	return r.Digest.String()[:shortDigest]
}

func (r row) revision(wide bool) string {
	const short = 40
	if runes := []rune(r.Revision); !wide && len(runes) > short {
		return orNone(string(runes[:short]) + "…")
	}
	return orNone(r.Revision)
}

func (r row) size() string {
	if r.Problem != "" {
		return orNone("")
	}
	return size(r.Size)
}

func (r row) isSigned() string {
	switch {
	case r.Problem != "":
		return orNone("")
	case r.Signed:
		return "yes"
	}
	return "no"
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return shown(text)
}
