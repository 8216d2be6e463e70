package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// newHelpCommand takes the place of cobra's, which answers an unknown command with a page about all of them, and success.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about a command",
		Long:    `Print what --help prints: what the command is for, examples, flags, and what its exit codes mean.`,
		Example: `  kubectl oci help push`,
		ValidArgsFunction: func(cmd *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range cmd.Root().Commands() {
				if len(given) == 0 && c.IsAvailableCommand() && strings.HasPrefix(c.Name(), typed) {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			asked, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return knownCommand(asked, rest)
			}
			asked.InitDefaultHelpFlag()
			return asked.Help()
		},
	}
}
