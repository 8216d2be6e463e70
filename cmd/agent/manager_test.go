package main

import "testing"

// A Service sends downloads to whoever is ready, and only the one that leads has something to serve.
func TestReadyWhenLeading(t *testing.T) {
	t.Parallel()
	elected := make(chan struct{})
	ready := leading(elected)
	if ready(nil) == nil {
		t.Error("ready before it leads")
	}
	close(elected)
	for range 2 {
		if err := ready(nil); err != nil {
			t.Error(err)
		}
	}
}
