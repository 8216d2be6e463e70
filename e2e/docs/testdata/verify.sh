kubectl oci keygen
kubectl oci sign docker.io/org/app-config:v1.0.0 --key cosign.key
echo '{"buildDefinition": {"buildType": "https://example.com/build"}, "runDetails": {"builder": {"id": "https://ci.example.com"}}}' >provenance.json
kubectl oci attest docker.io/org/app-config:v1.0.0 --predicate provenance.json --type slsaprovenance1 --key cosign.key
