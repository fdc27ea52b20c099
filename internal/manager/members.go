package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const membersPath = "/apps/{app}/members"

func (m *Manager) registerMembers() {
	register(m, operation{
		id: "list-members", method: http.MethodGet, path: membersPath, tag: "members", capability: access.ReadMembers,
		summary: "List who belongs to an app; owners and admins of the instance reach it without",
	}, m.listMembers)
	register(m, operation{
		id: "put-member", method: http.MethodPut, path: membersPath + "/{user}", tag: "members", capability: access.ManageMembers,
		summary: "Add a user to an app, or change their role in it",
	}, m.putMember)
	register(m, operation{
		id: "remove-member", method: http.MethodDelete, path: membersPath + "/{user}", tag: "members", capability: access.ManageMembers,
		summary: "Take a user out of an app",
	}, m.removeMember)
}

// MemberPath is a user of an app in a path.
type MemberPath struct {
	AppPath
	UserPath
}

type membersOutput struct{ Body api.Members }

func (m *Manager) listMembers(ctx context.Context, _ picloud.Principal, in *AppPath) (*membersOutput, error) {
	list, err := m.store.ListMembers(ctx, in.App)
	if err != nil {
		return nil, err
	}
	return &membersOutput{Body: api.Members{Members: list}}, nil
}

type putMemberInput struct {
	MemberPath
	Body api.PutMember
}

type memberOutput struct {
	Status int
	Body   picloud.Member
}

func (m *Manager) putMember(ctx context.Context, _ picloud.Principal, in *putMemberInput) (*memberOutput, error) {
	if !in.Body.Role.Valid() {
		return nil, picloud.Invalid("role", "there is no such role; there are admin, editor and viewer")
	}
	u, err := m.store.UserByName(ctx, in.User)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(u.Username)
	now, before, err := m.store.PutMember(ctx, in.App, u.ID, in.Body.Role)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if before == "" {
		status = http.StatusCreated
	}
	auditing(ctx).before(roleField(before)).after(roleField(now.Role))
	return &memberOutput{Status: status, Body: now}, nil
}

// roleField is what the audit log shows of a membership.
func roleField(role picloud.AppRole) map[string]any {
	if role == "" {
		return nil
	}
	return map[string]any{"role": role}
}

func (m *Manager) removeMember(ctx context.Context, _ picloud.Principal, in *MemberPath) (*nothing, error) {
	u, err := m.store.UserByName(ctx, in.User)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(u.Username)
	before, err := m.store.RemoveMember(ctx, in.App, u.ID)
	if err != nil {
		return nil, noMember(err, u.Username)
	}
	auditing(ctx).before(roleField(before))
	return nil, nil
}

// noMember names the user in the error for who does not belong to an app, by
// the name that they are known by.
func noMember(err error, name string) error {
	if picloud.IsCode(err, picloud.CodeNotFound) {
		return picloud.NotFound("member", name)
	}
	return err
}
