package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const userPath = "/users/{user}"

func (m *Manager) registerUsers() {
	register(m, operation{
		id: "list-users", method: http.MethodGet, path: "/users", tag: "users", capability: access.ReadUsers,
		summary: "List the users",
	}, m.listUsers)
	register(m, operation{
		id: "create-user", method: http.MethodPost, path: "/users", tag: "users", capability: access.ManageUsers,
		summary: "Create a user; only an owner creates an owner",
	}, m.createUser)
	register(m, operation{
		id: "get-user", method: http.MethodGet, path: userPath, tag: "users", capability: access.ReadUsers,
		summary: "Show a user with the apps that they belong to",
	}, m.getUser)
	register(m, operation{
		id: "change-user", method: http.MethodPatch, path: userPath, tag: "users", capability: access.ManageUsers,
		summary: "Change a user's role, address, password, or whether they are active",
	}, m.changeUser)
	register(m, operation{
		id: "delete-user", method: http.MethodDelete, path: userPath, tag: "users", capability: access.ManageUsers,
		summary: "Delete a user with their sessions, keys and memberships",
	}, m.deleteUser)
	register(m, operation{
		id: "reset-factors", method: http.MethodPost, path: userPath + "/reset-factors", tag: "users", capability: access.ManageUsers,
		summary: "Remove all second factors of a user who has lost them, and end their sessions",
	}, m.resetFactors)
}

// UserPath is a user, by name or id, in a path.
type UserPath struct {
	User string `path:"user"`
}

type usersOutput struct{ Body api.Users }

func (m *Manager) listUsers(ctx context.Context, _ picloud.Principal, _ *nothing) (*usersOutput, error) {
	list, err := m.store.ListUsers(ctx)
	if err != nil {
		return nil, err
	}
	return &usersOutput{Body: api.Users{Users: list}}, nil
}

type newUserInput struct{ Body api.NewUser }

func (m *Manager) createUser(ctx context.Context, p picloud.Principal, in *newUserInput) (*userOutput, error) {
	u, err := m.auth.CreateUser(ctx, p, auth.NewUser{
		Username: in.Body.Username, Email: in.Body.Email, Role: in.Body.Role, Password: in.Body.Password,
	})
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(u.Username).after(userFields(u))
	return &userOutput{Status: http.StatusCreated, Body: u}, nil
}

type userAppsOutput struct{ Body api.UserWithApps }

func (m *Manager) getUser(ctx context.Context, _ picloud.Principal, in *UserPath) (*userAppsOutput, error) {
	u, err := m.store.UserByName(ctx, in.User)
	if err != nil {
		return nil, err
	}
	apps, err := m.store.ListMemberships(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	return &userAppsOutput{Body: api.UserWithApps{User: u, Apps: apps}}, nil
}

type changeUserInput struct {
	UserPath
	Body api.ChangeUser
}

func (m *Manager) changeUser(ctx context.Context, p picloud.Principal, in *changeUserInput) (*userOutput, error) {
	u, err := m.store.UserByName(ctx, in.User)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(u.Username)
	before, after, err := m.auth.ChangeUser(ctx, p, u, auth.UserChange{
		Email: in.Body.Email, Role: in.Body.Role, Active: in.Body.Active, Password: in.Body.Password,
		EndSessions: in.Body.EndSessions, ExpireKeys: in.Body.ExpireKeys,
	})
	if err != nil {
		return nil, err
	}
	fields := userFields(after)
	fields["password_changed"], fields["keys_expired"] = in.Body.Password != nil, in.Body.ExpireKeys
	auditing(ctx).before(userFields(before)).after(fields)
	return &userOutput{Status: http.StatusOK, Body: after}, nil
}

func (m *Manager) deleteUser(ctx context.Context, p picloud.Principal, in *UserPath) (*nothing, error) {
	u, err := m.store.UserByName(ctx, in.User)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(u.Username)
	deleted, err := m.store.DeleteUser(ctx, p.User.ID, u.ID)
	if err != nil {
		return nil, err
	}
	auditing(ctx).before(userFields(deleted))
	return nil, nil
}

func (m *Manager) resetFactors(ctx context.Context, p picloud.Principal, in *UserPath) (*nothing, error) {
	u, err := m.store.UserByName(ctx, in.User)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(u.Username)
	return nil, m.auth.ResetFactors(ctx, p, u)
}
