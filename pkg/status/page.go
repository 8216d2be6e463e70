package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strings"
	"time"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var styleSource string

// page makes HTML of an answer.
type page struct {
	template *template.Template
	policy   string // of content security: what a browser may load for it, which is nothing, and the one style that it has inside
}

func newPage() (*page, error) {
	style := strings.TrimSpace(styleSource)
	sum := sha256.Sum256([]byte(style))
	made, err := template.New("page").Funcs(template.FuncMap{
		"style":   func() template.CSS { return template.CSS(style) }, //nolint:gosec // a file of this package
		"ago":     ago,
		"in":      in,
		"span":    func(now, t time.Time) string { return span(max(now.Sub(t), 0)) },
		"stamp":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"bytes":   readableBytes,
		"short":   short,
		"subject": func(o listed) string { return strings.TrimPrefix(o.URL, "oci://") },
	}).Parse(pageSource)
	if err != nil {
		return nil, fmt.Errorf("read status page: %w", err)
	}
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return &page{made, policy}, nil
}

// view is what the page shows.
type view struct {
	answer

	Query     query
	Failing   int
	Tiles     []tile
	Namespace string
	Limit     int
	Default   int
	Refresh   int
	Refreshes []int
	First     string // address of the first part, where this is a later one
	More      string // address of the following one
	JSON      string
}

// tile is a state with the number of objects in it, and where to see those alone, or all again.
type tile struct {
	State  State
	Count  int
	Chosen bool
	Link   string
}

// render gives the whole page or none: a reader shall not take half of one for all there is.
func (p *page) render(q query, found answer) ([]byte, error) {
	v := view{
		answer: found, Query: q, Namespace: q.namespace, Limit: q.limit, Default: defaultLimit, Refresh: q.refresh, Refreshes: refreshes(),
		Failing: found.States[Failing],
		JSON:    strings.TrimPrefix(jsonPath, "/") + q.link(),
	}
	for _, s := range States() {
		if t := (tile{s, found.States[s], s == q.state, q.of(s).link()}); t.Count > 0 || t.Chosen || s == Ready || s == Failing {
			if t.Chosen {
				t.Link = q.of("").link()
			}
			v.Tiles = append(v.Tiles, t)
		}
	}
	if q.after != "" {
		v.First = q.from("").link()
	}
	if found.Next != "" {
		v.More = q.from(found.Next).link()
	}
	var out bytes.Buffer
	err := p.template.Execute(&out, v)
	return out.Bytes(), err
}

// ago says how long before now a time is, in the unit that people would use.
func ago(now, t time.Time) string {
	if d := now.Sub(t); d >= time.Second {
		return span(d) + " ago"
	}
	return "now"
}

// in says how long after now a time is.
func in(now, t time.Time) string {
	if d := t.Sub(now); d >= time.Second {
		return "in " + span(d)
	}
	return "due"
}

func span(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= 2*unit.length {
			return fmt.Sprintf("%d %s", d/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func readableBytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	power := min(int(math.Log2(float64(n)))/10, 4)
	return fmt.Sprintf("%.1f %ciB", float64(n)/math.Pow(1024, float64(power)), " KMGT"[power])
}

var longDigest = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

// short leaves so much of a digest as people compare.
func short(revision string) string { return longDigest.ReplaceAllString(revision, "$1…") }
