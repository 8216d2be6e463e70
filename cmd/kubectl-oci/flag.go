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
		return nil
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

// counted is a text flag that counts how often it is given, where the last would take the place of others unseen.
type counted struct {
	text  *string
	times *int
}

func (c *counted) Set(text string) error {
	*c.text = text
	*c.times++
	return nil
}

func (c *counted) String() string { return *c.text }
func (c *counted) Type() string   { return "string" }
