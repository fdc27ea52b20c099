package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// Vault seals the secrets of apps.
type Vault interface {
	// Set gives a secret of an app a value.
	Set(ctx context.Context, app, name, value, by string) (picloud.Secret, error)
}

// maxSecretBody is a value of the largest size with every character escaped.
const maxSecretBody = 6*picloud.MaxSecretBytes + 1<<10

func (m *Manager) registerSecrets() {
	register(m, operation{
		id: "list-secrets", method: http.MethodGet, path: "/apps/{app}/secrets", tag: "secrets", capability: access.ReadSecrets,
		summary: "List the names of an app's secrets; nobody reads their values",
	}, m.listSecrets)
	register(m, operation{
		id: "set-secret", method: http.MethodPut, path: "/apps/{app}/secrets/{name}", tag: "secrets", capability: access.WriteSecrets,
		summary: "Give a secret a value, which cannot be read again", maxBody: maxSecretBody,
	}, m.setSecret)
	register(m, operation{
		id: "delete-secret", method: http.MethodDelete, path: "/apps/{app}/secrets/{name}", tag: "secrets", capability: access.WriteSecrets,
		summary: "Delete a secret",
	}, m.deleteSecret)
}

type secretsOutput struct{ Body api.Secrets }

func (m *Manager) listSecrets(ctx context.Context, _ picloud.Principal, in *AppPath) (*secretsOutput, error) {
	list, err := m.store.ListSecrets(ctx, in.App)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []picloud.Secret{}
	}
	return &secretsOutput{Body: api.Secrets{Secrets: list}}, nil
}

// SecretPath is the path of a secret.
type SecretPath struct {
	AppPath
	Name string `path:"name" maxLength:"64"`
}

type setSecretInput struct {
	SecretPath
	Body api.SetSecret
}

type secretOutput struct{ Body picloud.Secret }

func (m *Manager) setSecret(ctx context.Context, p picloud.Principal, in *setSecretInput) (*secretOutput, error) {
	auditing(ctx).target(in.Name)
	if m.vault == nil {
		return nil, picloud.Errorf(picloud.CodeUnavailable, "this server keeps no secrets")
	}
	v, err := m.vault.Set(ctx, in.App, in.Name, in.Body.Value, p.User.Username)
	if err != nil {
		return nil, err
	}
	return &secretOutput{Body: v}, nil
}

func (m *Manager) deleteSecret(ctx context.Context, _ picloud.Principal, in *SecretPath) (*struct{}, error) {
	auditing(ctx).target(in.Name)
	return nil, m.store.DeleteSecret(ctx, in.App, in.Name)
}
