// Command workload is what runs in Pods of the tests. An image of it holds nothing else.
//
//	workload                      wait for SIGTERM, as what holds a Pod's namespaces; reap what loses its parent
//	workload serve TEXT           answer every request on :8080 with TEXT
//	workload files FOLDER         answer requests on :8080 with the files of a folder
//	workload poll URL SHA256      download URL over a new connection again and again, compare; answer with what came of it on :8080
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 0:
		hold()
		return nil
	case len(args) == 2 && args[0] == "serve":
		return serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, args[1]) }))
	case len(args) == 2 && args[0] == "files":
		return serve(http.FileServer(http.Dir(args[1])))
	case len(args) == 3 && args[0] == "poll":
		p := newPoller(args[1], args[2])
		go p.run()
		return serve(p)
	}
	return fmt.Errorf("unknown arguments %q", args)
}

func serve(h http.Handler) error {
	server := http.Server{Addr: ":8080", Handler: h, ReadHeaderTimeout: time.Minute}
	return server.ListenAndServe()
}

// hold is the first process of a Pod.
func hold() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
