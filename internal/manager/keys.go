package manager

import (
	"context"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerKeys() {
	register(m, operation{
		id: "list-keys", method: http.MethodGet, path: "/keys", tag: "keys", capability: access.Personal,
		summary: "List one's own API keys, with those that have expired",
	}, m.listKeys)
	register(m, operation{
		id: "create-key", method: http.MethodPost, path: "/keys", tag: "keys", capability: access.Personal,
		summary: "Create an API key, which is shown this once",
	}, m.createKey)
	register(m, operation{
		id: "get-key", method: http.MethodGet, path: "/keys/{id}", tag: "keys", capability: access.Personal,
		summary: "Show one of one's own API keys",
	}, m.getKey)
	register(m, operation{
		id: "revoke-key", method: http.MethodDelete, path: "/keys/{id}", tag: "keys", capability: access.Personal,
		summary: "Revoke one of one's own API keys",
	}, m.revokeKey)
	register(m, operation{
		id: "list-user-keys", method: http.MethodGet, path: userPath + "/keys", tag: "keys", capability: access.ManageKeys,
		summary: "List a user's API keys",
	}, m.listUserKeys)
	register(m, operation{
		id: "revoke-user-key", method: http.MethodDelete, path: userPath + "/keys/{id}", tag: "keys", capability: access.ManageKeys,
		summary: "Revoke one of a user's API keys; an owner's only by an owner",
	}, m.revokeUserKey)
	register(m, operation{
		id: "expire-user-keys", method: http.MethodDelete, path: userPath + "/keys", tag: "keys", capability: access.ManageKeys,
		summary: "Make all of a user's API keys expire; an owner's only by an owner",
	}, m.expireUserKeys)
}

// keyFields is what the audit log shows of a key.
func keyFields(k picloud.APIKey) map[string]any {
	return map[string]any{"name": k.Name, "prefix": k.Prefix, "scopes": k.Scopes, "app": k.App, "expires_at": k.ExpiresAt}
}

type keysOutput struct{ Body api.Keys }

func (m *Manager) listKeys(ctx context.Context, p picloud.Principal, _ *nothing) (*keysOutput, error) {
	return m.keysOf(ctx, p.User)
}

func (m *Manager) keysOf(ctx context.Context, u picloud.User) (*keysOutput, error) {
	list, err := m.store.ListKeys(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	return &keysOutput{Body: api.Keys{Keys: list}}, nil
}

type newKeyInput struct{ Body api.NewKey }

type newKeyOutput struct {
	Status int
	Body   api.CreatedKey
}

func (m *Manager) createKey(ctx context.Context, p picloud.Principal, in *newKeyInput) (*newKeyOutput, error) {
	if err := m.keyApp(ctx, p, in.Body.App); err != nil {
		return nil, err
	}
	token, k, err := m.auth.CreateKey(ctx, p, auth.NewKey{
		Name: in.Body.Name, Scopes: in.Body.Scopes, App: in.Body.App, Life: time.Duration(in.Body.ExpiresInDays) * 24 * time.Hour,
	})
	if err != nil {
		return nil, err
	}
	auditing(ctx).app(k.App).target(k.Name).after(keyFields(k))
	return &newKeyOutput{Status: http.StatusCreated, Body: api.CreatedKey{Key: token, APIKey: k}}, nil
}

// keyApp refuses an app that the principal does not see as one that is not
// there.
func (m *Manager) keyApp(ctx context.Context, p picloud.Principal, app string) error {
	if app == "" {
		return nil
	}
	in, err := m.store.AppAccess(ctx, app, p.User.ID)
	if picloud.IsCode(err, picloud.CodeNotFound) || err == nil && !access.Sees(p, in) {
		return picloud.Invalid("app", "there is no app %q", app)
	}
	return err
}

// KeyPath is a key in a path.
type KeyPath struct {
	ID string `path:"id"`
}

type keyOutput struct{ Body picloud.APIKey }

func (m *Manager) getKey(ctx context.Context, p picloud.Principal, in *KeyPath) (*keyOutput, error) {
	k, err := m.store.KeyByID(ctx, p.User.ID, in.ID)
	if err != nil {
		return nil, err
	}
	return &keyOutput{Body: k}, nil
}

func (m *Manager) revokeKey(ctx context.Context, p picloud.Principal, in *KeyPath) (*nothing, error) {
	return nil, m.deleteKey(ctx, p.User, in.ID)
}

func (m *Manager) deleteKey(ctx context.Context, u picloud.User, id string) error {
	k, err := m.store.KeyByID(ctx, u.ID, id)
	if err != nil {
		return err
	}
	auditing(ctx).app(k.App).target(k.Name).before(keyFields(k))
	return m.store.DeleteKey(ctx, u.ID, id)
}

func (m *Manager) listUserKeys(ctx context.Context, _ picloud.Principal, in *UserPath) (*keysOutput, error) {
	u, err := m.store.UserByName(ctx, in.User)
	if err != nil {
		return nil, err
	}
	return m.keysOf(ctx, u)
}

type userKeyInput struct {
	UserPath
	KeyPath
}

func (m *Manager) revokeUserKey(ctx context.Context, p picloud.Principal, in *userKeyInput) (*nothing, error) {
	u, err := m.keyHolder(ctx, p, in.User)
	if err != nil {
		return nil, err
	}
	return nil, m.deleteKey(ctx, u, in.ID)
}

func (m *Manager) expireUserKeys(ctx context.Context, p picloud.Principal, in *UserPath) (*nothing, error) {
	u, err := m.keyHolder(ctx, p, in.User)
	if err != nil {
		return nil, err
	}
	n, err := m.store.ExpireKeys(ctx, u.ID, m.now())
	auditing(ctx).target(u.Username).after(map[string]any{"keys_expired": n})
	return nil, err
}

// keyHolder is the user whose keys a principal wants to end.
func (m *Manager) keyHolder(ctx context.Context, p picloud.Principal, name string) (picloud.User, error) {
	u, err := m.store.UserByName(ctx, name)
	if err != nil {
		return u, err
	}
	auditing(ctx).target(u.Username)
	if u.Role == picloud.RoleOwner && p.User.Role != picloud.RoleOwner {
		return u, picloud.Errorf(picloud.CodeForbidden, "only an owner ends the keys of an owner")
	}
	return u, nil
}
