package ambient

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// awsHost is a registry of an account, with its region.
const awsHost = `^[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9][a-z0-9-]{0,99})\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)$`

// publicAWS is the registry of all accounts, whose logins are in one region alone.
const (
	publicAWS          = "public.ecr.aws"
	publicAWSDualStack = "ecr-public.aws.com"
	publicAWSRegion    = "us-east-1"
)

func logInAtAWS(ctx context.Context, region string) (registry.Credential, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return registry.Credential{}, err
	}
	answer, err := ecr.NewFromConfig(c).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return registry.Credential{}, err
	}
	if len(answer.AuthorizationData) == 0 {
		return registry.Credential{}, errIncomplete
	}
	return fromAWS(answer.AuthorizationData[0].AuthorizationToken)
}

func logInAtPublicAWS(ctx context.Context, _ string) (registry.Credential, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(publicAWSRegion))
	if err != nil {
		return registry.Credential{}, err
	}
	answer, err := ecrpublic.NewFromConfig(c).GetAuthorizationToken(ctx, &ecrpublic.GetAuthorizationTokenInput{})
	if err != nil {
		return registry.Credential{}, err
	}
	if answer.AuthorizationData == nil {
		return registry.Credential{}, errIncomplete
	}
	return fromAWS(answer.AuthorizationData.AuthorizationToken)
}

var errIncomplete = errors.New("the provider's answer is not complete")

// fromAWS takes user and password out of a token.
func fromAWS(token *string) (registry.Credential, error) {
	if token == nil {
		return registry.Credential{}, errIncomplete
	}
	raw, err := base64.StdEncoding.DecodeString(*token)
	if err != nil {
		return registry.Credential{}, fmt.Errorf("read the provider's answer: %w", err)
	}
	user, password, ok := strings.Cut(string(raw), ":")
	if !ok {
		return registry.Credential{}, errIncomplete
	}
	return registry.Credential{Username: user, Password: password}, nil
}
