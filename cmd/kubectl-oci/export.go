package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

type exportOptions struct {
	cluster
	selection
	secrets bool
}

func newExportCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &exportOptions{}
	cmd := &cobra.Command{
		Use:   "export NAME…",
		Short: "Print OCIRepositories as somebody would write them",
		Long: `Print OCIRepository objects as YAML, without what the cluster has added: status, owners, versions, and annotations of tools. Secrets that
they name are left out, unless --with-secrets asks for them.

` + clusterFlagsNote,
		Example: `  kubectl oci export app-config -n flux-system > app-config.yaml

  # All of a namespace, to move them to another cluster
  kubectl oci export --all -n flux-system --with-secrets | kubectl --context other apply -f -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), streams)
		},
	}
	o.cluster.addFlags(cmd.Flags())
	o.selection.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.secrets, "with-secrets", false, "print the Secrets that the objects name, too: whoever reads the output can use them")
	return cmd
}

func (o *exportOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	c, err := o.connect(streams.ErrOut)
	if err != nil {
		return err
	}
	list, missing := c.read(ctx, c.namespace, o.selection)
	if list == nil {
		return missing
	}
	if len(list.Items) == 0 && missing == nil {
		sayNone(streams.ErrOut, c.namespace)
	}
	var all []*unstructured.Unstructured
	if o.secrets {
		if all, err = c.secretsOf(ctx, list.Items); err != nil {
			return err
		}
	}
	for i := range list.Items {
		all = append(all, &list.Items[i])
	}
	for _, u := range all {
		tidy(u)
	}
	if err := printYAML(streams.Out, all); err != nil {
		return err
	}
	return missing
}

// tidy removes what is not for people to write.
func tidy(u *unstructured.Unstructured) {
	for _, path := range [][]string{
		{"status"}, {"metadata", "managedFields"}, {"metadata", "creationTimestamp"}, {"metadata", "generation"},
		{"metadata", "resourceVersion"}, {"metadata", "uid"}, {"metadata", "selfLink"}, {"metadata", "ownerReferences"},
		{"metadata", "finalizers"}, {"metadata", "deletionTimestamp"}, {"metadata", "deletionGracePeriodSeconds"},
		{"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"},
		{"metadata", "annotations", v1.AnnotationReconcileRequest},
	} {
		unstructured.RemoveNestedField(u.Object, path...)
	}
	if len(u.GetAnnotations()) == 0 {
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations")
	}
}

// printYAML separates documents as YAML does.
func printYAML(w io.Writer, all []*unstructured.Unstructured) error {
	for i, u := range all {
		text, err := yaml.Marshal(u.Object)
		if err != nil {
			return err
		}
		if i > 0 {
			text = append([]byte("---\n"), text...)
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// secretsOf gives each Secret that one of the objects names, once.
func (c *connection) secretsOf(ctx context.Context, items []unstructured.Unstructured) (all []*unstructured.Unstructured, err error) {
	seen := map[[2]string]bool{}
	for i := range items {
		o, err := typed(&items[i])
		if err != nil {
			return nil, err
		}
		for _, name := range secretNames(o) {
			if place := [2]string{o.Namespace, name}; !seen[place] {
				seen[place] = true
				secret, err := c.client.Resource(secretResource()).Namespace(o.Namespace).Get(ctx, name, metav1.GetOptions{})
				if err != nil {
					return nil, fmt.Errorf("get Secret %q: %w", name, err)
				}
				all = append(all, secret)
			}
		}
	}
	return all, nil
}

func secretResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
}

// secretNames are the Secrets that an object needs.
func secretNames(o *v1.OCIRepository) (names []string) {
	refs := []*v1.LocalObjectReference{o.Spec.SecretRef, o.Spec.CertSecretRef, o.Spec.ProxySecretRef}
	if o.Spec.Verify != nil {
		refs = append(refs, o.Spec.Verify.SecretRef, o.Spec.Verify.TrustedRootSecretRef)
	}
	for _, ref := range refs {
		if ref != nil && !slices.Contains(names, ref.Name) {
			names = append(names, ref.Name)
		}
	}
	return names
}
