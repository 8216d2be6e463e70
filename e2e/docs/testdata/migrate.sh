mkdir clusters
cat >clusters/git.yaml <<END
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: app
spec:
  interval: 10m
  url: https://example.com/org/app
END
kubectl apply -n apps -f clusters/git.yaml
