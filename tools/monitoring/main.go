// Command monitoring writes the Grafana dashboard of the agent, which tests hold to the metrics that the agent has.
package main

import (
	"fmt"
	"os"
)

// dashboardFile is where the manifests have it, from this folder.
const dashboardFile = "../../manifests/components/monitoring/oci-agent.json"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "monitoring:", err)
		os.Exit(1)
	}
}

func run() error {
	text, err := dashboard()
	if err != nil {
		return err
	}
	return os.WriteFile(dashboardFile, text, 0o644)
}
