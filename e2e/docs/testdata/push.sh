kubectl oci keygen
