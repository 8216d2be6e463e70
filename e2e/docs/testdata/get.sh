ocirepository
kubectl() { # what goes on for ever is watched for a while
	case "$*" in
	*--watch*) timeout 3 kubectl-oci "${@:2}" || [ $? = 124 ] ;;
	*) command kubectl "$@" ;;
	esac
}
