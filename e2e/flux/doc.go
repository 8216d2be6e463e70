// Package flux holds the agent against what Flux's users have: its kustomize-controller, built from its Go module and not changed,
// applies what the agent exposes; our CustomResourceDefinition is compared with the one that is generated from Flux's API; the
// agent works under that one too, takes over what source-controller left, and runs beside it.
//
//	go -C e2e test -race ./flux
//
// The tests have two clusters. In one the agent is installed as a whole; in the other Flux's definitions were there before, and
// stay. Every test has a namespace of its own, and an agent that sees no other. Tests wait for what the API server tells.
//
// In source-controller's place a stand-in writes what that program was seen to write: its own build takes longer than all these
// tests. Where the variable SOURCE_CONTROLLER names the program itself, it runs instead.
package flux
