package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// readSecret asks kubectl for a Secret, as namespace/name, since that knows the cluster and how to log in. The Secret must have the part.
func readSecret(ctx context.Context, place, part string) (map[string][]byte, error) {
	namespace, name, _ := strings.Cut(place, "/")
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return nil, usageError{errors.New("it is not k8s://NAMESPACE/SECRET")}
	}
	cmd := exec.CommandContext(ctx, "kubectl", "get", "secret/"+name, "--namespace="+namespace, "--output=json")
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if text := strings.TrimSpace(problem.String()); err != nil && text != "" {
		return nil, fmt.Errorf("kubectl: %s", strings.TrimPrefix(text, "Error from server "))
	}
	if err != nil {
		return nil, fmt.Errorf("ask kubectl: %w", err)
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
