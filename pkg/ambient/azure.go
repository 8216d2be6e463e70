package ambient

import (
	"context"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

const azureHost = `^[a-zA-Z0-9-]+\.azurecr\.(?:io|cn|us)$`

// azureUser is the name of whoever logs in with a token.
const azureUser = "00000000-0000-0000-0000-000000000000"

// logInAtAzure exchanges one's token of the cloud for one of the registry.
func logInAtAzure(ctx context.Context, host string) (registry.Credential, error) {
	part := azureOf(host)
	options := azcore.ClientOptions{Cloud: part}
	who, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
	if err != nil {
		return registry.Credential{}, err
	}
	token, err := who.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{part.Services[cloud.ResourceManager].Audience + "/.default"}})
	if err != nil {
		return registry.Credential{}, err
	}
	client, err := azcontainerregistry.NewAuthenticationClient("https://"+host, &azcontainerregistry.AuthenticationClientOptions{ClientOptions: options})
	if err != nil {
		return registry.Credential{}, err
	}
	answer, err := client.ExchangeAADAccessTokenForACRRefreshToken(ctx, azcontainerregistry.PostContentSchemaGrantTypeAccessToken, host,
		&azcontainerregistry.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: &token.Token})
	if err != nil {
		return registry.Credential{}, err
	}
	if answer.RefreshToken == nil {
		return registry.Credential{}, errIncomplete
	}
	return registry.Credential{Username: azureUser, Password: *answer.RefreshToken}, nil
}

// azureOf is the part of the cloud that a registry is in.
func azureOf(host string) cloud.Configuration {
	switch {
	case strings.HasSuffix(host, ".cn"):
		return cloud.AzureChina
	case strings.HasSuffix(host, ".us"):
		return cloud.AzureGovernment
	}
	return cloud.AzurePublic
}
