package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// refuseEmpty refuses flags that are given without a value, as with a variable that is not set. An empty value would count as none, and
// another key, another service or no condition would take its place unseen: so no command has a use for one, but that an empty pattern
// to ignore takes the place of the default ones.
func refuseEmpty(cmd *cobra.Command, _ []string) error {
	var empty []string
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if flag.Name != "ignore" && slices.ContainsFunc(valuesOf(flag), func(value string) bool { return strings.TrimSpace(value) == "" }) {
			empty = append(empty, "--"+flag.Name)
		}
	})
	if len(empty) == 0 {
		return refuseTwice(cmd)
	}
	return usageError{fmt.Errorf("%s is empty, as with a variable that is not set: give it a value, or leave it out", empty[0])}
}

// valuesOf gives all values of a flag that may be repeated.
func valuesOf(flag *pflag.Flag) []string {
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{flag.Value.String()}
}

// flagError says in our words what is wrong with a flag's value, where the flag's parser speaks of itself.
func flagError(_ *cobra.Command, err error) error {
	wrong, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return usageError{err}
	}
	flag, value := wrong.GetFlag(), wrong.GetValue()
	switch flag.Value.Type() {
	case "bool":
		err = fmt.Errorf("--%s %.100q is neither true nor false", flag.Name, value)
	case "duration":
		err = fmt.Errorf("--%s %.100q is no time, such as 90s", flag.Name, value)
	}
	return usageError{err}
}

// onlyOnce counts how often flags of a command are given that hold one text: [refuseTwice] wants to know. Those that say where the cluster is
// are as kubectl's, of which the last one counts.
func onlyOnce(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Value.Type() == "string" && !slices.Contains([]string{"namespace", "context", "kubeconfig"}, flag.Name) {
			flag.Value = &once{Value: flag.Value}
		}
	})
}

// once is a value that is to be set once. It takes what it gets, for completion reads a line twice.
type once struct {
	pflag.Value
	times int
}

func (o *once) Set(text string) error {
	o.times++
	return o.Value.Set(text)
}

// refuseTwice refuses flags that are given twice and hold one text: the last one would take the place of the others unseen.
func refuseTwice(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if o, ok := flag.Value.(*once); ok && o.times > 1 && err == nil {
			err = usageError{fmt.Errorf("--%s is given twice, and takes one value", flag.Name)}
		}
	})
	return err
}
