package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

type migrateOptions struct {
	format
	cluster
	files          []string
	fromCluster    bool
	namespace      string
	secret, cosign string
	write, check   bool

	kind, name string // kind is empty for any
	ref        registry.Reference
}

func newMigrateCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &migrateOptions{}
	cmd := &cobra.Command{
		Use:   "migrate [KIND/]NAME REFERENCE (-f PATH | --from-cluster)",
		Short: "Rewrite a GitRepository or Bucket as an OCIRepository",
		Long: `Look in YAML files for a GitRepository or Bucket and for what uses it. Print what changes when an OCIRepository that follows REFERENCE takes
its place, as patch -p0 takes it: the object itself, its patches, and the sourceRef of each Kustomization. Nothing else in a file changes, no
comment and no blank. What an OCIRepository cannot do is said, and so are the commands that fill the artifact, and what else in the files
still needs Flux's source-controller.

The tag is that of REFERENCE, or else the branch or tag of git; a range of versions stays one. The artifact holds the whole repository, so that the
paths of Kustomizations stay. Push it before the change is applied.

With --from-cluster the objects are those of the cluster, where nothing is changed: -o objects prints what to apply. Nothing is written to files
without --write.

Exits with 0, with --check 1 when something is left to migrate, and with 2 or more on failure.`,
		Example: `  # See what would change, and how to fill the artifact
  kubectl oci migrate gitrepository/app docker.io/org/app-config -f ./clusters

  # Do it, with a login for the registry and signatures
  kubectl oci migrate gitrepository/app docker.io/org/app-config:main -f ./clusters --write \
    --secret app-registry --cosign-secret app-keys

  # From what runs in a cluster
  kubectl oci migrate gitrepository/app docker.io/org/app-config --from-cluster -n apps -o objects > app.yaml`,
		Annotations: map[string]string{failureAnnotation: "2"},
		Args:        exactArgs("NAME", "REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0], args[1]); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.format.addFlag(cmd.Flags(), "diff", "objects", "json", "yaml")
	o.cluster.addFlags(cmd.Flags())
	cmd.Flags().Lookup("namespace").Usage = "namespace of the object, where there are several of its name"
	cmd.Flags().BoolVar(&o.fromCluster, "from-cluster", false, "look in the cluster in place of files; nothing is changed in it")
	cmd.Flags().StringArrayVarP(&o.files, "filename", "f", nil, "folder or file to look in; may be repeated")
	cmd.Flags().StringVar(&o.secret, "secret", "", "Secret of type kubernetes.io/dockerconfigjson that opens the registry")
	cmd.Flags().StringVar(&o.cosign, "cosign-secret", "", "Secret with the public keys, *.pub, of which one must have signed")
	cmd.Flags().BoolVar(&o.write, "write", false, "write the files")
	cmd.Flags().BoolVar(&o.check, "check", false, "exit with 1 when something is left to migrate; write nothing")
	return cmd
}

// migratedKind reads the names that kubectl takes for kinds; empty for any other kind.
func migratedKind(name string) string {
	switch strings.ToLower(name) {
	case "gitrepository", "gitrepositories", "gitrepo":
		return "GitRepository"
	case "bucket", "buckets":
		return "Bucket"
	}
	return ""
}

func (o *migrateOptions) complete(name, reference string) (err error) {
	o.name = name
	if kind, rest, ok := strings.Cut(name, "/"); ok {
		if o.kind, o.name = migratedKind(kind), rest; o.kind == "" {
			return usageError{fmt.Errorf("%q is neither gitrepository nor bucket", kind)}
		}
	}
	if o.ref, err = registry.Parse(reference); err != nil {
		return usageError{err}
	}
	switch {
	case o.ref.Digest != "":
		return usageError{fmt.Errorf("migrate to %q: a digest is what comes out of a push: give a tag, or none", reference)}
	case len(o.files) == 0 && !o.fromCluster:
		return usageError{errors.New("nothing to look in: name a folder or a file with -f, or say --from-cluster")}
	case o.fromCluster && (len(o.files) > 0 || o.write):
		return usageError{errors.New("--from-cluster changes nothing, and goes without -f and --write: -o objects prints what to apply")}
	case !o.fromCluster && (o.kubeconfig != "" || o.overrides.CurrentContext != ""):
		return usageError{errors.New("--kubeconfig and --context go with --from-cluster")}
	case o.write && o.check:
		return usageError{errors.New("--write and --check: choose one")}
	}
	o.namespace = o.overrides.Context.Namespace
	return o.format.validate()
}

// migrateWords are what a file must hold one of to be of interest.
func migrateWords() []string {
	return append(sourceKinds(), "sourceRef", "HelmRelease", "OCIRepository")
}

// open reads what to look in. Whoever opened it closes it.
func (o *migrateOptions) open(ctx context.Context, report *reporter) (*rewriting, error) {
	if !o.fromCluster {
		return openRewriting(o.files, migrateWords(), report)
	}
	c, err := o.connect(report.out)
	if err != nil {
		return nil, err
	}
	o.namespace = c.namespace
	return readCluster(ctx, c.client, report)
}

func (o *migrateOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	report := newReporter(streams.ErrOut)
	files, err := o.open(ctx, report)
	if err != nil {
		return err
	}
	defer files.Close()
	m, err := o.migrate(files)
	if err != nil {
		return err
	}
	changes, err := files.changes()
	if err != nil {
		return err
	}
	if o.write {
		if err := writeChanges(changes); err != nil {
			return err
		}
	}
	if err := o.print(streams.Out, m, changes); err != nil {
		return err
	}
	m.tell(report, !o.write && !o.check && !o.fromCluster)
	if !o.check {
		return nil
	}
	if err := files.complete(); err != nil {
		return err
	}
	if len(changes) > 0 {
		return errDiffers
	}
	return nil
}

// migration is what was done, and what is left to do for a person.
type migration struct {
	From        string   `json:"from"`
	Files       []string `json:"files"`
	Fill        []string `json:"fill"`
	Warnings    []string `json:"warnings"`
	StillNeeded []string `json:"stillNeeded"`
}

func (o *migrateOptions) migrate(files *rewriting) (*migration, error) {
	objects := files.objects()
	from, documents, err := o.find(objects)
	if err != nil {
		return nil, err
	}
	t := &ociTarget{ref: o.ref, tag: o.ref.Tag, secret: o.secret, cosign: o.cosign}
	if t.tag == "" {
		t.tag, t.semver = from.defaultTag(), from.semver
	}
	m := &migration{From: from.String(), Files: []string{}, Fill: []string{}, Warnings: []string{}, StillNeeded: []string{}}
	uses := from.uses(objects)
	for _, d := range documents {
		c := &conversion{writtenObject: d, ociTarget: t}
		if err := c.rewrite(); err != nil {
			return nil, err
		}
		m.Warnings = append(m.Warnings, c.warnings...)
	}
	for _, u := range uses {
		warning, err := u.move()
		if err != nil {
			return nil, err
		}
		if warning != "" {
			m.Warnings = append(m.Warnings, warning)
		}
	}
	if len(documents) > 0 {
		m.Fill = from.fill(t)
	}
	if o.fromCluster {
		m.Warnings = append(m.Warnings, appliers(objects)...)
	}
	m.StillNeeded = append(m.StillNeeded, stillNeeded(objects)...)
	for _, f := range files.files {
		if f.edits.Changed() {
			m.Files = append(m.Files, f.shown)
		}
	}
	return m, nil
}

// find gives the object that was named, and all documents that it is put together from: none where it is an OCIRepository already.
func (o *migrateOptions) find(objects []writtenObject) (*formerSource, []*writtenObject, error) {
	from := &formerSource{kind: o.kind, namespace: o.namespace, name: o.name}
	var documents []*writtenObject
	var migrated *writtenObject
	for i := range objects {
		d := &objects[i]
		if !d.agrees(from.namespace, o.name) {
			if d.Name == o.name && o.namespace == "" && (d.is(groupSource, "GitRepository") || d.is(groupSource, "Bucket")) {
				return nil, nil, d.at(d.Value, fmt.Errorf("there is a %s in namespace %q too: choose one with --namespace", d.ID, from.namespace))
			}
			continue
		}
		if d.is(groupSource, "OCIRepository") {
			migrated = d
		}
		for _, kind := range []string{"GitRepository", "Bucket"} {
			if !d.is(groupSource, kind) || from.kind != "" && from.kind != kind {
				continue
			}
			from.kind = kind
			from.learn(d)
			documents = append(documents, d)
		}
	}
	switch {
	case len(documents) > 0:
		return from, documents, nil
	case migrated != nil: // what uses it may not be
		from.kind, from.namespace = cmp.Or(from.kind, "GitRepository"), cmp.Or(from.namespace, migrated.Namespace)
		return from, nil, nil
	}
	if o.fromCluster {
		return nil, nil, &hintedError{fmt.Errorf("find %s: there is none in namespace %q of the cluster", from, o.namespace), "-n names another namespace"}
	}
	return nil, nil, fmt.Errorf("find %s: it is in none of the files", from)
}

func (o *migrateOptions) print(w io.Writer, m *migration, changes []textChange) error {
	if done, err := o.encode(w, m); done {
		return err
	}
	if o.format.name == "objects" {
		return printTexts(w, changes)
	}
	return printChanges(w, changes)
}

// printTexts writes what changes as a whole.
func printTexts(w io.Writer, changes []textChange) error {
	for i, c := range changes {
		if i > 0 && !bytes.HasPrefix(c.after, []byte("---")) {
			if _, err := io.WriteString(w, "---\n"); err != nil {
				return err
			}
		}
		if _, err := w.Write(append(bytes.TrimRight(c.after, "\r\n"), '\n')); err != nil {
			return err
		}
	}
	return nil
}

// tell says what is left to do.
func (m *migration) tell(report *reporter, unwritten bool) {
	for _, w := range m.Warnings {
		report.always("warning: %s", w)
	}
	if len(m.StillNeeded) > 0 {
		report.always("warning: source-controller is still needed for:")
		for _, s := range m.StillNeeded {
			report.always("  %s", s)
		}
	}
	switch {
	case len(m.Files) == 0:
		report.line("nothing is left to migrate of %s", m.From)
	case unwritten:
		report.line("nothing is written yet: --write does that")
	}
	if len(m.Fill) > 0 {
		report.line("to fill the artifact:")
		for _, step := range m.Fill {
			report.line("  %s", step)
		}
	}
}
