cat >policy.yaml <<END
apiVersion: policy.kubectl-oci.dev/v1alpha1
kind: SourcePolicy
rules:
  - namespaces: ["team-*"]
    registries: ["docker.io/my-org/*"]
END
trap 'kubectl delete validatingadmissionpolicies,validatingadmissionpolicybindings --all' EXIT # no object of the other pages is to be refused
