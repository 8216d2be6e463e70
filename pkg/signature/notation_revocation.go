package signature

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/result"
)

// lists are certificate revocation lists. They answer in place of the addresses that certificates name.
type lists []*x509.RevocationList

func newLists(files map[string][]byte) (lists, error) {
	var all lists
	for _, name := range slices.Sorted(maps.Keys(files)) {
		some, err := decodeAll(files[name], "X509 CRL", x509.ParseRevocationList)
		if err != nil {
			return nil, fmt.Errorf("read revocation list %q: it is none: %w", name, err)
		}
		all = append(all, some...)
	}
	if len(all) > maxLists {
		return nil, fmt.Errorf("read revocation lists: there are more than %d", maxLists)
	}
	return all, nil
}

// ValidateContext is for notation-go: it says of each certificate of a chain, from the signer's to the root's, whether it was revoked.
func (l lists) ValidateContext(_ context.Context, o revocation.ValidateContextOptions) ([]*result.CertRevocationResult, error) {
	var all []*result.CertRevocationResult
	for i, c := range o.CertChain {
		status := result.ResultNonRevokable // a root, which is trusted or is not
		if i+1 < len(o.CertChain) {
			status = l.status(c, o.CertChain[i+1])
		}
		all = append(all, &result.CertRevocationResult{Result: status, RevocationMethod: result.RevocationMethodCRL})
	}
	return all, nil
}

// status believes lists of the issuer only, as long as they are fresh. Once revoked is revoked for good.
func (l lists) status(c, issuer *x509.Certificate) result.Result {
	status := result.ResultUnknown
	if len(c.OCSPServer)+len(c.CRLDistributionPoints) == 0 {
		status = result.ResultNonRevokable
	}
	for _, list := range l {
		if !bytes.Equal(list.RawIssuer, issuer.RawSubject) || list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		if slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
			return e.SerialNumber.Cmp(c.SerialNumber) == 0 && e.ReasonCode != reasonRemoved
		}) {
			return result.ResultRevoked
		}
		if time.Now().Before(list.NextUpdate) {
			status = result.ResultOK
		}
	}
	return status
}

// reasonRemoved takes back what was on hold (RFC 5280, 5.3.1).
const reasonRemoved = 8
