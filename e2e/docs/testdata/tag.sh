DIGEST=$(kubectl oci list docker.io/org/app-config --semver 1.0.0 -o json | jq -r '.. | .digest? // empty' | head -1)
