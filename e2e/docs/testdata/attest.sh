kubectl oci keygen
echo '{"buildDefinition": {"buildType": "https://example.com/build"}, "runDetails": {"builder": {"id": "https://ci.example.com"}}}' >provenance.json
