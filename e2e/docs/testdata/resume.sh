ocirepository
kubectl oci suspend app-config -n flux-system
