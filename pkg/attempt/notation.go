package attempt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// Keys of a Secret that spec.verify refers to for notation.
const (
	keyTrustPolicy       = "trustpolicy.json"
	suffixCertificate    = ".crt"
	suffixPEM            = ".pem"
	suffixRevocationList = ".crl"
)

// mistaken refuses what no Secret can mend: what spec.verify says of identities, or of Sigstore, would be ignored, or it names what cannot be.
func mistaken(spec *v1.Verification) error {
	if err := cmp.Or(impossible("secretRef", spec.SecretRef), impossible("trustedRootSecretRef", spec.TrustedRootSecretRef)); err != nil {
		return err
	}
	switch {
	case spec.Provider != v1.VerifyNotation:
		return nil
	case spec.SecretRef == nil:
		return fmt.Errorf("it has no secretRef: notation needs a secret with a %s and certificates", keyTrustPolicy)
	case len(spec.MatchOIDCIdentity) > 0:
		return fmt.Errorf("matchOIDCIdentity is of cosign alone: for notation, %s says in trustedIdentities who may sign", keyTrustPolicy)
	case spec.TrustedRootSecretRef != nil:
		return errors.New("trustedRootSecretRef is of cosign alone: for notation, the certificates are in the secret that secretRef names")
	}
	return nil
}

// impossible refuses names that the API server is not even asked for.
func impossible(field string, ref *v1.LocalObjectReference) error {
	if ref == nil || len(validation.IsDNS1123Subdomain(ref.Name)) == 0 {
		return nil
	}
	return fmt.Errorf("%s.name is %q: no secret can have that name", field, ref.Name)
}

// notation reads a trust policy, with the certificates that are in all its stores.
func (m *Means) notation(ctx context.Context, object *v1.OCIRepository, name string) (signature.Trust, error) {
	secret, err := m.secret(ctx, object, name)
	if err != nil {
		return signature.Trust{}, unread(err)
	}
	n := &signature.Notation{Policy: secret.Data[keyTrustPolicy], Certificates: map[string][]byte{}, RevocationLists: map[string][]byte{}}
	for key, text := range secret.Data {
		switch {
		case strings.HasSuffix(key, suffixCertificate) || strings.HasSuffix(key, suffixPEM):
			n.Certificates[key] = text
		case strings.HasSuffix(key, suffixRevocationList):
			n.RevocationLists[key] = text
		}
	}
	switch {
	case len(n.Policy) == 0:
		err = fmt.Errorf("read %s: it has no %s, but %s", named(secret), keyTrustPolicy, keysOf(secret))
	case len(n.Certificates) == 0:
		err = fmt.Errorf("read %s: it has no certificate *%s or *%s, but %s", named(secret), suffixCertificate, suffixPEM, keysOf(secret))
	}
	return signature.Trust{Notation: n}, err
}
