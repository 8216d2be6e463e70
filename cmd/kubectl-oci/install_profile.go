package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubectl-oci/kubectl-oci/manifests"
)

// profile is a way to run the agent.
type profile struct {
	name  string
	use   string            // for whom it is, in the help
	shard map[string]string // labels of the objects that the agent sees; nil: all
	own   bool              // namespace: the one that is asked for, or the kubeconfig's, and never another
	owned bool              // mirror's name is the reader's own: an image and a policy have to be given
}

const profileDefault, profileReplace = "default", "replace-source-controller"

func profiles() []profile {
	return []profile{
		{name: profileDefault, use: "the agent and the definition of OCIRepository, for a cluster without source-controller"},
		{name: "beside-flux", use: "for the objects with the label sharding.fluxcd.io/key: oci; source-controller has the others", shard: map[string]string{"sharding.fluxcd.io/key": "oci"}},
		{name: profileReplace, use: "in the namespace and behind the Service of a source-controller that is stopped"},
		{name: "with-kustomize-controller", use: "default, and what kustomize-controller and helm-controller need to start where nothing else of Flux is"},
		{name: "tenant", use: "for the objects of one namespace, without any right outside of it", own: true},
		{name: "mirror", use: "where the internet is out of reach, with an API server at a private address: see --image, --policy and --trusted-root", owned: true},
	}
}

func profileNames() (names []string) {
	for _, p := range profiles() {
		names = append(names, p.name)
	}
	return names
}

func findProfile(name string) (profile, error) {
	all := profiles()
	i := slices.IndexFunc(all, func(p profile) bool { return p.name == name })
	if i < 0 {
		return profile{}, usageError{fmt.Errorf("--profile %q is none of %s", name, strings.Join(profileNames(), ", "))}
	}
	return all[i], nil
}

// describeProfiles is for the help.
func describeProfiles() string {
	var b strings.Builder
	for _, p := range profiles() {
		fmt.Fprintf(&b, "  %-26s %s\n", p.name, p.use)
	}
	return b.String()
}

// objects are those of the profile, each before those that need it.
func (p profile) objects() (all installation, err error) {
	file, err := manifests.Files().Open(p.name + ".yaml")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return decodeObjects(file)
}

func decodeObjects(file fs.File) (all installation, err error) {
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		u := &unstructured.Unstructured{}
		switch err := decoder.Decode(&u.Object); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("read manifests: %w", err)
		}
		all = append(all, u)
	}
}
