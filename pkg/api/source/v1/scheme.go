package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Names of the API on the wire.
const (
	Group             = "source.toolkit.fluxcd.io"
	Version           = "v1"
	KindOCIRepository = "OCIRepository"
)

// GroupVersion of the types in this package, which is the version that is stored.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: Group, Version: Version}
}

// AddToScheme makes the types of this package known to scheme. It never fails; the error is there because client
// libraries expect a function of this shape.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion(), &OCIRepository{}, &OCIRepositoryList{})
	metav1.AddToGroupVersion(scheme, GroupVersion())
	return nil
}
