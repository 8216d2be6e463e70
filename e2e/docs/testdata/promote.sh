kubectl oci keygen
kubectl oci push registry.example.com/staging/app-config:v1.3.0 -f changed --sign --key cosign.key
