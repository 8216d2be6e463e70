package main

import (
	"io"
	"log/slog"
)

func newLog(w io.Writer, o *options) *slog.Logger {
	handler := slog.HandlerOptions{Level: o.logLevel}
	if o.logText {
		return slog.New(slog.NewTextHandler(w, &handler))
	}
	return slog.New(slog.NewJSONHandler(w, &handler))
}
