// Command generate writes what is derived from the API types, their deep-copy methods, and the CustomResourceDefinition with every version
// that is served, and what is derived from manifests/: the objects of each profile, as the plugin installs them.
//
// Run it from anywhere in the repository: go -C tools run ./generate. With -check it leaves the files as they are and fails when
// one of them is not what it would write.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-tools/pkg/crd"
	"sigs.k8s.io/controller-tools/pkg/deepcopy"
	"sigs.k8s.io/controller-tools/pkg/genall"
	"sigs.k8s.io/yaml"
)

// Paths are below the root of the repository.
const (
	types  = "./pkg/api/source/v1"
	folder = "manifests/crd"
	file   = "source.toolkit.fluxcd.io_ocirepositories.yaml"
)

// older is served beside the version of the types. Objects need no conversion: the schema is the same.
const older = "v1beta2"

// generated are the files that this program writes.
func generated() []string {
	files := []string{filepath.Join(types, "zz_generated.deepcopy.go"), filepath.Join(folder, file)}
	for profile := range profiles() {
		files = append(files, renderedFile(profile))
	}
	return files
}

func main() {
	check := flag.Bool("check", false, "change nothing, and fail when a file is not up to date")
	flag.Parse()
	if err := run("..", *check); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if check {
		return errors.Join(unchanged(write), checkReference())
	}
	return errors.Join(write(), writeReference())
}

func write() error {
	if err := generate(); err != nil {
		return err
	}
	if err := rewrite(filepath.Join(folder, file), serveOlder); err != nil {
		return err
	}
	return render()
}

// unchanged puts every file back as it was before change, and fails when change made another one of it.
func unchanged(change func() error) (err error) {
	for _, path := range generated() {
		before, readErr := os.ReadFile(path)
		if readErr != nil {
			return readErr
		}
		defer func() {
			after, readErr := os.ReadFile(path)
			if readErr == nil && !bytes.Equal(before, after) {
				err = errors.Join(err, fmt.Errorf("%s is not up to date: run make generate", path))
			}
			err = errors.Join(err, readErr, os.WriteFile(path, before, 0o644))
		}()
	}
	return change()
}

func generate() error {
	var methods genall.Generator = deepcopy.Generator{}
	var schema genall.Generator = crd.Generator{OmitToolVersion: new(true)}
	runtime, err := genall.Generators{&methods, &schema}.ForRoots(types)
	if err != nil {
		return fmt.Errorf("load %s: %w", types, err)
	}
	runtime.OutputRules.Default = genall.OutputArtifacts{Config: genall.OutputToDirectory(folder)}
	if runtime.Run() {
		return fmt.Errorf("generate from %s: see above", types)
	}
	return nil
}

// definition is a CustomResourceDefinition without its status, which no file should hold.
type definition struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              apiextensionsv1.CustomResourceDefinitionSpec `json:"spec"`
}

// serveOlder repeats the definition's only version as the older one.
func serveOlder(d *definition) {
	version := *d.Spec.Versions[0].DeepCopy()
	version.Name, version.Storage = older, false
	d.Spec.Versions = append(d.Spec.Versions, version)
	d.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}
}

// rewrite changes the definition in a file in place.
func rewrite(path string, change func(*definition)) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var d definition
	if err := yaml.UnmarshalStrict(raw, &d); err != nil {
		return fmt.Errorf("parse %s: %w", path, err)
	}
	change(&d)
	if raw, err = yaml.Marshal(d); err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return os.WriteFile(path, raw, 0o644)
}
