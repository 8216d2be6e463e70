package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// The exit code of a command that somebody interrupted, as shells have it.
const interrupted = 130

// execute runs one command line and gives the exit code: 0 for success, 1 for an error, or 2 where 1 is an answer, which is said on
// stderr, interrupted when it is that ctx ended before.
func execute(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	root := newRootCommand(streams)
	root.SetArgs(args)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		completeValues(root) // of all commands, so that no other start waits for it
	}
	command, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errDiffers):
		return 1
	}
	report := newReporter(streams.ErrOut)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx)) {
		report.line("interrupted: nothing is left half written")
		return interrupted
	}
	report.line("error: %v", err)
	if hint := hintFor(err, command); hint != "" {
		report.line("hint: %s", hint)
	}
	return failureCode(command, err)
}

// failureAnnotation marks commands whose errors exit with 2, because 1 is an answer: with "2", or with the flag that makes it one.
const failureAnnotation = "kubectl-oci.dev/failure"

func failureCode(command *cobra.Command, err error) int {
	code := command.Annotations[failureAnnotation]
	if _, answer := errors.AsType[*rejection](err); !answer && (code == "2" || code != "" && command.Flags().Changed(code)) {
		return 2
	}
	return 1
}

func newRootCommand(streams genericiooptions.IOStreams) *cobra.Command {
	stderr := &screen{Writer: streams.ErrOut}
	streams.ErrOut = stderr
	root := &cobra.Command{
		Use:   "kubectl-oci",
		Short: "GitOps from a registry: pack, push and pull Kubernetes configs as OCI artifacts",
		Long: `Pack folders of Kubernetes configs as OCI artifacts, push them to any registry, and pull them back.

In the cluster an agent polls OCIRepository objects and exposes each artifact to whatever applies it.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl oci"},
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
		Args:                       knownCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRunE: refuseEmpty,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.SetFlagErrorFunc(flagError)
	stderr.addFlag(root.PersistentFlags())
	root.AddCommand(
		newBuildCommand(streams),
		newPushCommand(streams),
		newPullCommand(streams),
		newInspectCommand(streams),
		newListCommand(streams),
		newTagCommand(streams),
		newCopyCommand(streams),
		newPromoteCommand(streams),
		newDiffCommand(streams),
		newLoginCommand(streams),
		newLogoutCommand(streams),
		newKeygenCommand(streams),
		newSignCommand(streams),
		newAttestCommand(streams),
		newVerifyCommand(streams),
		newAdmissionCommand(streams),
		newUpdateCommand(streams),
		newMigrateCommand(streams),
		newInstallCommand(streams),
		newUninstallCommand(streams),
		newGetCommand(streams),
		newExplainCommand(streams),
		newReconcileCommand(streams),
		newSuspendCommand(streams),
		newResumeCommand(streams),
		newCreateCommand(streams),
		newExportCommand(streams),
		newCompletionCommand(streams),
		newVersionCommand(streams),
		newReferenceCommand(),
	)
	for _, command := range root.Commands() {
		onlyOnce(command)
	}
	root.SetHelpCommand(newHelpCommand())
	return root
}

// usageError is a command line that was typed wrong: the hint leads to the command's help.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// knownCommand refuses a first word that is no command, in one line.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	known := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		slices.Sort(near)
		known = fmt.Sprintf(": did you mean %s?", strings.Join(near, " or "))
	}
	return usageError{fmt.Errorf("unknown command %q%s", args[0], known)}
}

// exactArgs is cobra's, with an error that says what is missing by its name.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError{fmt.Errorf("%s is missing", names[len(args)])}
		case len(args) > len(names):
			return usageError{fmt.Errorf("unexpected argument %q", args[len(names)])}
		}
		return nil
	}
}

// referenceAlone is exactArgs where the folder, which some write behind the reference, goes with a flag.
func referenceAlone(flag string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			return usageError{fmt.Errorf("unexpected argument %q: a folder goes with %s", args[1], flag)}
		}
		return exactArgs("REFERENCE")(cmd, args)
	}
}
