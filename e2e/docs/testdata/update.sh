mkdir clusters
cat >clusters/app.yaml <<END
kind: OCIRepository
metadata: {name: one}
spec:
  url: oci://docker.io/org/app-config
  ref:
    tag: v1.0.0 # kubectl-oci: semver >=1.0.0
---
kind: OCIRepository
metadata: {name: two}
spec:
  url: oci://docker.io/org/app-config
  ref: {tag: v1.0.0}
END
