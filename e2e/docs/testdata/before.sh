# A kubeconfig of the page's own, with a second context, and namespaces that the examples name.
cp "$KUBECONFIG" kubeconfig
export KUBECONFIG=$PWD/kubeconfig COSIGN_PASSWORD=
kubectl config set-context other --cluster="$(kubectl config view -o jsonpath='{.clusters[0].name}')" --user="$(kubectl config view -o jsonpath='{.users[0].name}')" >/dev/null
for namespace in flux-system payments apps; do
	kubectl get namespace $namespace >/dev/null 2>&1 || kubectl create namespace $namespace
done

kubectl delete ocirepositories --all -A

# kubectl has the same kustomize in it.
kustomize() { kubectl kustomize "$2"; }
mkdir -p overlays/prod
cp -R deploy overlays/base
(cd overlays/base && rm -f kustomization.yaml && printf 'resources:\n' >kustomization.yaml && find . -name '*.yaml' ! -name kustomization.yaml | sed 's/^/  - /' >>kustomization.yaml)
printf 'resources: [../base]\n' >overlays/prod/kustomization.yaml

# Two versions of an artifact, and builds of a branch.
repository=docker.io/org/app-config
kubectl oci push $repository:v1.0.0 -f deploy --tag latest --tag prod --tag main --tag main-1-abc
cp -R deploy changed
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n' >changed/more.yaml
kubectl oci push $repository:v1.1.0 -f changed --tag v1.3.0

# An object in the cluster that the agent looks after.
ocirepository() { kubectl oci create app-config -n flux-system --url oci://$repository --tag v1.0.0 --apply && kubectl oci reconcile app-config -n flux-system; }

