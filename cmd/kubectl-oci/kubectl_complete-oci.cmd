@kubectl-oci __complete %*
