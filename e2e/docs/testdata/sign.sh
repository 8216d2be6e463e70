kubectl delete secret signing -n payments --ignore-not-found
kubectl oci keygen
kubectl oci keygen --to k8s://payments/signing
