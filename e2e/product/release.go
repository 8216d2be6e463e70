package product

// ReleaseFlags are those of go build that decide how large a released program is, and how much memory it maps.
func ReleaseFlags() []string {
	return []string{"-tags=grpcnotrace", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
}

// ReleaseEnv goes with them into the environment of go build: with C, the linker would keep every exported method, in case that a plugin of
// Go's calls it, which kustomize could load.
const ReleaseEnv = "CGO_ENABLED=0"
