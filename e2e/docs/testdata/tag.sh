DIGEST=$(kubectl oci list docker.io/org/app-config --semver 1.0.0 -o json | sed -n 's/.*"digest": "\(sha256:[0-9a-f]*\)".*/\1/p' | head -1)
