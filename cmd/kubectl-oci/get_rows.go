package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// rows is how objects are printed: as kubectl's tables, or by its printers for programs.
type rows struct {
	output    string
	noHeaders bool
	labels    bool
}

func (r *rows) addFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&r.output, "output", "o", "", "what to print in place of a table: wide, json, yaml, name")
	offer(flags, "output", "wide", "json", "yaml", "name")
	flags.BoolVar(&r.noHeaders, "no-headers", false, "leave out the names of the columns")
	flags.BoolVar(&r.labels, "show-labels", false, "add a column with all labels")
}

func (r *rows) validate() error {
	if known := []string{"", "wide", "json", "yaml", "name"}; !slices.Contains(known, r.output) {
		return usageError{fmt.Errorf("--output %q is none of %s", r.output, strings.Join(known[1:], ", "))}
	}
	return nil
}

// rowPrinter prints objects, the names of the columns before the first.
type rowPrinter struct {
	out     io.Writer
	flush   func() error
	printer printers.ResourcePrinter
	table   bool
}

func (r *rows) printer(out io.Writer, namespaces bool) *rowPrinter {
	p := &rowPrinter{out: out, flush: func() error { return nil }}
	switch r.output {
	case "json":
		p.printer = &printers.OmitManagedFieldsPrinter{Delegate: &printers.JSONPrinter{}}
	case "yaml":
		p.printer = &printers.OmitManagedFieldsPrinter{Delegate: &printers.YAMLPrinter{}}
	case "name":
		p.printer = &printers.NamePrinter{}
	default:
		columns := printers.GetNewTabWriter(out)
		p.out, p.flush, p.table = columns, columns.Flush, true
		p.printer = printers.NewTablePrinter(printers.PrintOptions{
			NoHeaders: r.noHeaders, WithNamespace: namespaces, ShowLabels: r.labels, Wide: r.output == "wide",
		})
	}
	return p
}

// list prints a single object as itself, where that was asked for.
func (p *rowPrinter) list(list *unstructured.UnstructuredList, single bool) error {
	switch {
	case p.table:
		return p.rows(list.Items)
	case single && len(list.Items) == 0:
		return nil
	case single:
		return p.one(&list.Items[0])
	}
	list.SetAPIVersion("v1") // as kubectl, whose lists may hold several kinds
	list.SetKind("List")
	return p.printer.PrintObj(list, p.out)
}

func (p *rowPrinter) one(u *unstructured.Unstructured) error {
	if p.table {
		return p.rows([]unstructured.Unstructured{*u})
	}
	return p.printer.PrintObj(u, p.out)
}

func (p *rowPrinter) rows(items []unstructured.Unstructured) error {
	table := &metav1.Table{ColumnDefinitions: repositoryColumns()}
	for i := range items {
		o, err := typed(&items[i])
		if err != nil {
			return err
		}
		table.Rows = append(table.Rows, metav1.TableRow{
			Cells: repositoryCells(o, time.Now()), Object: runtime.RawExtension{Object: &items[i]},
		})
	}
	if err := p.printer.PrintObj(table, p.out); err != nil {
		return err
	}
	return p.flush()
}

// repositoryColumns are those of repositoryCells. What has a priority is shown in wide tables.
func repositoryColumns() []metav1.TableColumnDefinition {
	var all []metav1.TableColumnDefinition
	for _, name := range []string{"Name", "Revision", "Ready", "Verified", "Age", "Next poll", "URL", "Changed", "Message"} {
		column := metav1.TableColumnDefinition{Name: name, Type: "string"}
		if name == "URL" || name == "Changed" {
			column.Priority = 1
		}
		all = append(all, column)
	}
	return all
}

func repositoryCells(o *v1.OCIRepository, now time.Time) []any {
	revision, changed := "<none>", "<none>"
	if a := o.Status.Artifact; a != nil {
		revision, changed = shortRevision(a.Revision), age(a.LastUpdateTime, now)
	}
	ready, message := "Unknown", "no agent has looked at it yet"
	if c := meta.FindStatusCondition(o.Status.Conditions, v1.ConditionReady); c != nil {
		ready, message = string(c.Status), c.Message
	}
	return []any{o.Name, revision, ready, verifiedCell(o), age(o.CreationTimestamp, now), nextPoll(o), o.Spec.URL, changed, message}
}

// verifiedCell is empty-handed where nobody asks for a signature.
func verifiedCell(o *v1.OCIRepository) string {
	switch c := meta.FindStatusCondition(o.Status.Conditions, v1.ConditionSourceVerified); {
	case c != nil:
		return string(c.Status)
	case o.Spec.Verify != nil:
		return "Unknown"
	}
	return "<none>"
}

// nextPoll is by when the agent looks at the registry again. No status says when it did last, so that it is a bound.
func nextPoll(o *v1.OCIRepository) string {
	switch {
	case o.Spec.Suspend:
		return "suspended"
	case meta.IsStatusConditionTrue(o.Status.Conditions, v1.ConditionStalled):
		return "when changed"
	}
	return "within " + duration.HumanDuration(o.Spec.Interval.Duration)
}

func age(since metav1.Time, now time.Time) string {
	if since.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(since.Time))
}

// shortRevision leaves enough of a digest to tell it from others.
func shortRevision(revision string) string {
	const digits = 12
	if at := strings.LastIndexByte(revision, ':'); at >= 0 && len(revision) > at+1+digits {
		return revision[:at+1+digits]
	}
	return revision
}
