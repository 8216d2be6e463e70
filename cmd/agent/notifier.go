package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/kubectl-oci/kubectl-oci/pkg/controller"
)

// startNotifier starts to post events, where there is an address. The function that it returns waits for what is to be sent still; it
// is called when there is nobody left to tell of anything, and takes a few seconds at most.
func startNotifier(ctx context.Context, address string, log *slog.Logger) (*controller.Notifier, func(), error) {
	if address == "" {
		return nil, func() {}, nil
	}
	notifier, err := controller.NewNotifier(address, log)
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // those who end have something to tell too
	var running sync.WaitGroup
	running.Go(func() { notifier.Run(ctx) })
	return notifier, func() { stop(); running.Wait() }, nil
}
