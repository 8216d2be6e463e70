package ambient

import (
	"context"

	"golang.org/x/oauth2/google"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

const gcpHost = `^(?:(?:[a-z0-9-]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev|docker\.s3nsregistry\.fr)$`

// logInAtGCP gives one's token of the cloud, which its registries take.
func logInAtGCP(ctx context.Context, _ string) (registry.Credential, error) {
	source, err := google.DefaultTokenSource(ctx, "https://www.googleapis.com/auth/cloud-platform")
	if err != nil {
		return registry.Credential{}, err
	}
	token, err := source.Token()
	if err != nil {
		return registry.Credential{}, err
	}
	return registry.Credential{Username: "oauth2accesstoken", Password: token.AccessToken}, nil
}
