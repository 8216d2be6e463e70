kubectl oci keygen
mkdir -p .docker
echo '{"auths": {"registry.example.com": {"username": "org", "password": "secret"}}}' >.docker/config.json
