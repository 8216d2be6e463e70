package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

func newAdmissionCommand(streams genericiooptions.IOStreams) *cobra.Command {
	return &cobra.Command{
		Use:   "admission POLICY.yaml",
		Short: "Turn the agent's policy file into admission policies",
		Long: `Print a ValidatingAdmissionPolicy, and its binding, that denies OCIRepository objects which the agent would refuse by its policy file: what no
rule permits, and spec.insecure where it is not permitted. Where rules ask for signatures, a second pair warns of it.

A file of - is standard input. It needs no cluster. The agent decides all the same: what only it can see, such as signatures, addresses and Secrets, is not denied here.`,
		Example: `  kubectl oci admission policy.yaml | kubectl apply -f -`,
		Args:    exactArgs("POLICY.yaml"),
		RunE: func(_ *cobra.Command, args []string) error {
			return printAdmission(args[0], streams)
		},
	}
}

func printAdmission(path string, streams genericiooptions.IOStreams) error {
	p, err := readPolicy(path, streams.In)
	if err != nil {
		return fmt.Errorf("read policy %q: %w", path, err)
	}
	text, err := p.Admission()
	if err != nil {
		return err
	}
	_, err = streams.Out.Write(text)
	return err
}

// readPolicy reads the file at path, or standard input for -.
func readPolicy(path string, stdin io.Reader) (*policy.Policy, error) {
	var raw []byte
	var err error
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(stdin, policy.MaxBytes+1))
	} else {
		raw, err = readBounded(path, policy.MaxBytes)
	}
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(raw)
	if err != nil {
		return nil, err
	}
	return p, verifiable(p)
}

// verifiable refuses keys, identities and expressions that the agent would refuse.
func verifiable(p *policy.Policy) error {
	for _, rule := range p.Rules() {
		if rule.Verify == nil {
			continue
		}
		if _, err := signature.Required(rule.Name, rule.Verify); err != nil {
			return fmt.Errorf("%s: verify: %w", rule.Name, err)
		}
	}
	return nil
}
