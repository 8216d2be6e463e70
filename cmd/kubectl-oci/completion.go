package main

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// shells are those whose scripts can be printed, in the order that help names them.
func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

type completionOptions struct{ folder string }

func newCompletionCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &completionOptions{}
	cmd := &cobra.Command{
		Use:   "completion (SHELL | --install-helper FOLDER)",
		Short: "Complete command lines in a shell",
		Long: `Have the shell complete what is typed. Where kubectl's own completion is set up, "kubectl oci" needs one program more, which --install-helper
writes into a folder of the PATH: ` + helperName("linux") + ` (on Windows ` + helperName("windows") + `), which kubectl asks. For the plugin under its own name,
kubectl-oci, print a script for bash, zsh, fish or powershell.

What is completed: commands, flags, their values, files; and from the cluster, which has ` + completionPatience.String() + ` to answer, contexts, namespaces and
OCIRepositories. No registry is asked: that takes logins and counts against limits.`,
		Example: `  # For "kubectl oci", beside kubectl's own completion
  kubectl oci completion --install-helper ~/.local/bin

  # For "kubectl-oci", in this bash
  source <(kubectl oci completion bash)`,
		ValidArgs: shells(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(args); err != nil {
				return err
			}
			if o.folder != "" {
				return o.install(streams)
			}
			return script(cmd.Root(), args[0], streams.Out)
		},
	}
	cmd.Flags().StringVar(&o.folder, "install-helper", "", "folder of the PATH to write the program into that kubectl's completion asks")
	_ = cmd.MarkFlagDirname("install-helper")
	return cmd
}

func (o *completionOptions) validate(args []string) error {
	switch {
	case len(args) > 1:
		return usageError{fmt.Errorf("unexpected argument %q", args[1])}
	case len(args) == 1 && o.folder != "":
		return usageError{errors.New("SHELL and --install-helper: give one or the other")}
	case len(args) == 0 && o.folder == "":
		return usageError{fmt.Errorf("SHELL is missing: one of %s", strings.Join(shells(), ", "))}
	case len(args) == 1 && !slices.Contains(shells(), args[0]):
		return usageError{fmt.Errorf("SHELL %q is none of %s", args[0], strings.Join(shells(), ", "))}
	}
	return nil
}

func script(root *cobra.Command, shell string, out io.Writer) error {
	switch shell {
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(out)
	}
	return root.GenBashCompletionV2(out, true)
}

// helperName is the program that kubectl looks for on the PATH. Windows finds programs by their extension.
func helperName(system string) string {
	if system == "windows" {
		return "kubectl_complete-oci.cmd"
	}
	return "kubectl_complete-oci"
}

//go:embed kubectl_complete-oci kubectl_complete-oci.cmd
var helpers embed.FS

// install writes the helper, whole or not at all, and prints its path.
func (o *completionOptions) install(streams genericiooptions.IOStreams) error {
	name := helperName(runtime.GOOS)
	path := filepath.Join(o.folder, name)
	helper, err := helpers.ReadFile(name)
	if err != nil {
		return err
	}
	err = replaceFile(path, helper, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		return &hintedError{fmt.Errorf("install %q: there is no folder %q", path, o.folder), "mkdir -p " + o.folder}
	}
	if err != nil {
		return fmt.Errorf("install %q: %w", path, err)
	}
	if !onPath(o.folder) {
		newReporter(streams.ErrOut).line("%s is not on the PATH: kubectl does not find what is in it", o.folder)
	}
	_, err = fmt.Fprintln(streams.Out, path)
	return err
}

func onPath(folder string) bool {
	want, err := os.Stat(folder)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool {
		info, err := os.Stat(dir)
		return err == nil && os.SameFile(info, want)
	})
}

// replaceFile puts a whole file in the place of what path names.
func replaceFile(path string, content []byte, mode os.FileMode) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".kubectl-oci-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(content)
	if err := errors.Join(err, temp.Chmod(mode), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
