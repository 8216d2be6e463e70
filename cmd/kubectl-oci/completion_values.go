package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// completionPatience is how long a cluster may take to say what it has: whoever types waits for it.
const completionPatience = 2 * time.Second

// At most this many objects are asked for, and offered.
const offered = 500

// offeredAnnotation marks flags with the values that completion offers.
const offeredAnnotation = "kubectl-oci.dev/values"

func offer(flags *pflag.FlagSet, name string, values ...string) {
	_ = flags.SetAnnotation(name, offeredAnnotation, values)
}

// completeValues says for every command what completes its arguments and its flags' values: files where nothing is said. No registry is asked
// for anything.
func completeValues(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
			cmd.ValidArgsFunction = argumentsOf(cmd)
		}
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if values := valuesFor(flag); values != nil {
				_ = cmd.RegisterFlagCompletionFunc(flag.Name, values)
			}
		})
	}
}

// argumentsOf gives what completes a command's arguments; nil leaves that to files.
func argumentsOf(cmd *cobra.Command) cobra.CompletionFunc {
	switch cmd.Name() {
	case "get", "reconcile", "suspend", "resume", "export", "explain":
		return repositoryNames
	case "pull":
		return repositoryNamesAfterKind
	case "admission", "copy", "diff", "inspect", "update":
		return nil
	}
	return cobra.NoFileCompletions
}

func valuesFor(flag *pflag.Flag) cobra.CompletionFunc {
	switch flag.Name {
	case "namespace":
		return namespaces
	case "context":
		return contexts
	}
	if values := flag.Annotations[offeredAnnotation]; values != nil {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	if slices.Contains([]string{"string", "stringArray"}, flag.Value.Type()) && !takesPath(flag) {
		return cobra.NoFileCompletions
	}
	return nil
}

// takesPath tells by its help whether a flag's value is, or may be, a file or a folder.
func takesPath(flag *pflag.Flag) bool {
	return slices.ContainsFunc([]string{"file", "folder", "path", "PEM"}, func(word string) bool {
		return strings.Contains(flag.Usage, word) || flag.Name == word
	})
}

// clusterOf is the cluster that the flags of the line so far lead to.
func clusterOf(cmd *cobra.Command) *cluster {
	c, flags := &cluster{}, pflag.NewFlagSet("", pflag.ContinueOnError)
	c.addFlags(flags)
	cmd.Flags().Visit(func(given *pflag.Flag) {
		if flags.Lookup(given.Name) != nil {
			for _, value := range valuesOf(given) {
				_ = flags.Set(given.Name, value)
			}
		}
	})
	return c
}

func contexts(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = clusterOf(cmd).kubeconfig
	config, err := rules.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for name := range config.Contexts {
		names = append(names, name)
	}
	return startingWith(names, typed), cobra.ShellCompDirectiveNoFileComp
}

func namespaces(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return fromCluster(cmd, typed, func(ctx context.Context, c *connection) (*unstructured.UnstructuredList, error) {
		return c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).List(ctx, metav1.ListOptions{Limit: offered})
	})
}

func repositoryNames(cmd *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
	names, directive := fromCluster(cmd, typed, func(ctx context.Context, c *connection) (*unstructured.UnstructuredList, error) {
		return repositories(c, c.namespace, func(r dynamic.ResourceInterface) (*unstructured.UnstructuredList, error) {
			return r.List(ctx, metav1.ListOptions{Limit: offered})
		})
	})
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(given, name) }), directive
}

// repositoryNamesAfterKind offers the cluster's objects once ocirepository/ is typed: before, it may become a registry's reference.
func repositoryNamesAfterKind(cmd *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
	rest, isKind := strings.CutPrefix(typed, kindPrefix)
	switch {
	case len(given) > 0:
		return nil, cobra.ShellCompDirectiveNoFileComp
	case !isKind:
		return startingWith([]string{kindPrefix}, typed), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
	names, directive := repositoryNames(cmd, nil, rest)
	for i := range names {
		names[i] = kindPrefix + names[i]
	}
	return names, directive
}

// fromCluster offers names of objects. A cluster that cannot be asked has none: an error would end up in the line that is typed.
func fromCluster(
	cmd *cobra.Command, typed string, list func(context.Context, *connection) (*unstructured.UnstructuredList, error),
) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionPatience)
	defer cancel()
	c, err := clusterOf(cmd).connect(io.Discard)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	objects, err := list(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for i := range objects.Items {
		names = append(names, objects.Items[i].GetName())
	}
	return startingWith(names, typed), cobra.ShellCompDirectiveNoFileComp
}

func startingWith(names []string, typed string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, typed) })
	slices.Sort(names)
	return names
}
