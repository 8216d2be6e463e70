package artifact

import "fmt"

// Profile is a set of media types that consumers look for.
type Profile struct {
	Name            string
	ConfigMediaType string
	LayerMediaType  string
}

// ProfileNamed returns the profile "oci", which is also that of the empty name: Flux, Argo CD and Kubernetes image volumes
// take it; or "flux", the types of Flux's own command line.
func ProfileNamed(name string) (Profile, error) {
	switch name {
	case "", "oci":
		return Profile{"oci", ConfigOCI, LayerOCI}, nil
	case "flux":
		return Profile{"flux", ConfigFlux, LayerFlux}, nil
	}
	return Profile{}, fmt.Errorf("profile %q: not one of oci, flux", name)
}
