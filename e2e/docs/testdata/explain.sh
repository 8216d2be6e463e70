for namespace in apps default; do
	kubectl oci create app-config -n $namespace --url oci://docker.io/org/app-config --semver '>=1.0.0' --apply
	kubectl oci reconcile app-config -n $namespace
done
kubectl oci create app-config -n apps --url oci://docker.io/org/app-config --semver '>=1.0.0' >app-config.yaml
cat >policy.yaml <<END
apiVersion: policy.kubectl-oci.dev/v1alpha1
kind: SourcePolicy
rules:
  - addresses: [public, private, loopback]
    insecure: true
END
kubectl oci install -q --wait=false --policy policy.yaml
