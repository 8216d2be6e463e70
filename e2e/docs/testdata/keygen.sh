kubectl delete secret signing -n payments --ignore-not-found
