package controlplane

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"time"
)

// untilReady asks the API server until it says that it is ready.
func (c *ControlPlane) untilReady(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		response, err := c.get(ctx, "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// untilServiceAccount watches for the ServiceAccount that the controller manager makes in every namespace, without which
// no Pod is admitted: when it is there, the controllers run.
func (c *ControlPlane) untilServiceAccount(ctx context.Context) error {
	response, err := c.get(ctx, "/api/v1/namespaces/default/serviceaccounts?watch=1&fieldSelector=metadata.name%3Ddefault")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("watch the default ServiceAccount: %s", response.Status)
	}
	if _, err := bufio.NewReader(response.Body).ReadBytes('\n'); err != nil {
		return fmt.Errorf("watch the default ServiceAccount: %w", err)
	}
	return nil
}

func (c *ControlPlane) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		return nil, err
	}
	return c.Client.Do(request)
}
