package cloud

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/auth"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// login is one way to a credential.
type login struct {
	provider   provider
	repository string // host/path
	input      string // what the provider makes of the host
	account    *corev1.ServiceAccount
	client     client.SubResourceClientConstructor
}

// safely is run where an answer that lacks what the provider's library counts on costs no more than this login.
func (l login) safely(ctx context.Context) (c registry.Credential, end time.Time, err error) {
	defer func() {
		if trouble := recover(); trouble != nil {
			err = fmt.Errorf("the provider's answer is not complete: %v", trouble)
		}
	}()
	return l.run(ctx)
}

// run asks the provider who we are, and then for a registry's credential in that name.
func (l login) run(ctx context.Context) (_ registry.Credential, end time.Time, err error) {
	options, err := l.provider.GetAccessTokenOptionsForArtifactRepository(l.repository)
	if err != nil {
		return registry.Credential{}, end, err
	}
	identity, err := l.identity(ctx, options)
	if err != nil {
		return registry.Credential{}, end, err
	}
	issued, err := l.provider.NewArtifactRegistryCredentials(ctx, l.input, identity)
	if err != nil {
		return registry.Credential{}, end, fmt.Errorf("get credential of the registry: %w", err)
	}
	config, err := issued.Authorization()
	if err != nil {
		return registry.Credential{}, end, err
	}
	who := l.key()
	return registry.Credential{Username: config.Username, Password: config.Password, Identity: hex.EncodeToString(who[:])}, issued.ExpiresAt, nil
}

func (l login) identity(ctx context.Context, options []auth.Option) (auth.Token, error) {
	if l.account == nil {
		token, err := l.provider.NewControllerToken(ctx, options...)
		if err != nil {
			return nil, fmt.Errorf("find the agent's identity: %w", err)
		}
		return token, nil
	}
	if _, err := l.provider.GetIdentity(*l.account); err != nil {
		return nil, err // before anything is asked for: its annotations say no identity
	}
	audiences, err := l.provider.GetAudiences(ctx, *l.account)
	if err != nil {
		return nil, err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	if err := l.client.SubResource("token").Create(ctx, l.account, request); err != nil {
		return nil, fmt.Errorf("ask Kubernetes for a token: %w", err)
	}
	token, err := l.provider.NewTokenForServiceAccount(ctx, request.Status.Token, *l.account, options...)
	if err != nil {
		return nil, fmt.Errorf("exchange the token of Kubernetes: %w", err)
	}
	return token, nil
}
