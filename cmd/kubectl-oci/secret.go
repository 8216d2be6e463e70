package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// What follows asks kubectl, since that knows the cluster and how to log in.

// readSecret gives a Secret, whose place is namespace/name. The Secret must have the part.
func readSecret(ctx context.Context, place, part string) (map[string][]byte, error) {
	namespace, name, err := parseSecret(place)
	if err != nil {
		return nil, err
	}
	out, err := kubectl(ctx, nil, "get", "secret/"+name, "--namespace="+namespace, "--output=json")
	if err != nil {
		return nil, err
	}
	var secret struct {
		Data map[string][]byte `json:"data"`
	}
	if err := json.Unmarshal(out, &secret); err != nil {
		return nil, errors.New("kubectl's answer is no Secret")
	}
	if len(secret.Data[part]) == 0 {
		return nil, fmt.Errorf("the Secret has no %s", part)
	}
	return secret.Data, nil
}

// hasSecret tells whether there is such a Secret, whatever is in it.
func hasSecret(ctx context.Context, place string) (bool, error) {
	namespace, name, err := parseSecret(place)
	if err != nil {
		return false, err
	}
	out, err := kubectl(ctx, nil, "get", "secret/"+name, "--namespace="+namespace, "--ignore-not-found", "--output=name")
	return len(out) > 0, err
}

// createSecret makes a Secret that cannot be changed. One that exists is left as it is.
func createSecret(ctx context.Context, place string, parts map[string][]byte) error {
	namespace, name, err := parseSecret(place)
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
		"metadata": map[string]string{"namespace": namespace, "name": name}, "data": parts,
	})
	if err != nil {
		return err
	}
	_, err = kubectl(ctx, text, "create", "--filename=-", "--output=name")
	return err
}

func parseSecret(place string) (namespace, name string, err error) {
	namespace, name, _ = strings.Cut(place, "/")
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", usageError{errors.New("it is not k8s://NAMESPACE/SECRET")}
	}
	return namespace, name, nil
}

// kubectl runs one of its commands. What is secret goes through its standard input: others may read command lines.
func kubectl(ctx context.Context, in []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	var problem bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &problem
	out, err := cmd.Output()
	switch text := complaint(problem.String()); {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && text != "":
		return nil, fmt.Errorf("kubectl: %s", text)
	case err != nil:
		return nil, fmt.Errorf("ask kubectl: %w", err)
	}
	return out, nil
}

// complaint is what kubectl says to people, without its log.
func complaint(text string) string {
	text = regexp.MustCompile(`(?m)^[EIWF]\d{4} .*$`).ReplaceAllString(text, "")
	return strings.TrimPrefix(printable(text), "Error from server ")
}
