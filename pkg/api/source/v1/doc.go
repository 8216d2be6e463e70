// Package v1 holds the Go types of the OCIRepository API, group source.toolkit.fluxcd.io, version v1.
//
// An object written by or for Flux's source-controller reads and writes the same here: the JSON names, defaults and
// validation patterns are the wire contract that kustomize-controller, helm-controller and the flux command rely on.
// The package holds types and names only. It decides nothing: what a field leads to is said at the field and done by
// the agent. The served version v1beta2 has the same schema and needs no types of its own.
//
// +kubebuilder:object:generate=true
// +groupName=source.toolkit.fluxcd.io
package v1
