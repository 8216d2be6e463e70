// Package agent tests the agent as a cluster meets it: the built binary, with the race detector in it, against a real API server
// and real registries behind proxies that count requests and inject faults. It has the rights that manifests/ give it, and no
// others.
//
//	go -C e2e test -race ./agent -run Polling -v
//
// Each test has a room: a namespace of its own, in which every change of an object and every event is recorded and held to what
// the API promises at any moment. Most share one agent; who kills it, or restarts it, has one of its own that sees no other
// objects. Nobody sleeps: tests wait for what the API server, the registry or the agent says.
//
// The cost of polling at full size is measured with
//
//	go -C e2e test ./agent -run Polling -v -args -objects 1000 -interval 10s
package agent
