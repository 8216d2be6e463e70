kubectl oci keygen
kubectl oci sign docker.io/org/app-config:v1.0.0 --key cosign.key
ocirepository
