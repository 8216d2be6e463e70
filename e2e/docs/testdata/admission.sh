cat >policy.yaml <<END
apiVersion: policy.kubectl-oci.dev/v1alpha1
kind: SourcePolicy
rules:
  - namespaces: ["team-*"]
    registries: ["docker.io/my-org/*"]
END
