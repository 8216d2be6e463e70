mkdir -p .docker
echo '{"auths": {"ghcr.io": {"auth": "b3JnOnNlY3JldA=="}}}' >.docker/config.json
