package manager

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// CookieName is the cookie that holds a browser's session.
const CookieName = picloud.AdminCookie

const setupAPIPath = api.Prefix + "/setup"

func (m *Manager) registerAccounts() {
	register(m, operation{
		id: "setup", method: http.MethodPost, path: "/setup", tag: "account", capability: access.Anyone,
		summary: "Create the first owner with the token of the setup link",
	}, m.setup)
	register(m, operation{
		id: "login", method: http.MethodPost, path: "/login", tag: "account", capability: access.Anyone,
		summary: "Sign in with a password, or learn what else is asked for",
	}, m.login)
	register(m, operation{
		id: "logout", method: http.MethodPost, path: "/logout", tag: "account", capability: access.Personal,
		summary: "End the session that asks",
	}, m.logout)
	register(m, operation{
		id: "get-me", method: http.MethodGet, path: "/me", tag: "account", capability: access.SignedIn,
		summary: "Who is signed in",
	}, m.me)
	register(m, operation{
		id: "change-password", method: http.MethodPost, path: "/me/password", tag: "account", capability: access.Personal,
		summary: "Change one's own password; other sessions end",
	}, m.changePassword)
	register(m, operation{
		id: "list-sessions", method: http.MethodGet, path: "/sessions", tag: "account", capability: access.Personal,
		summary: "List where one is signed in",
	}, m.listSessions)
	register(m, operation{
		id: "revoke-session", method: http.MethodDelete, path: "/sessions/{id}", tag: "account", capability: access.Personal,
		summary: "End one of one's own sessions",
	}, m.revokeSession)
	register(m, operation{
		id: "revoke-other-sessions", method: http.MethodDelete, path: "/sessions", tag: "account", capability: access.Personal,
		summary: "End all of one's own sessions but the one that asks",
	}, m.revokeOtherSessions)
}

type nothing struct{}

type setupInput struct{ Body api.Setup }

type userOutput struct {
	Status int
	Body   picloud.User
}

func (m *Manager) setup(ctx context.Context, _ picloud.Principal, in *setupInput) (*userOutput, error) {
	user, err := m.createOwner(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return &userOutput{Status: http.StatusCreated, Body: user}, nil
}

// createOwner sets the instance up, for the API and the page alike.
func (m *Manager) createOwner(ctx context.Context, in api.Setup) (picloud.User, error) {
	user, err := m.auth.Setup(ctx, in.Token, auth.NewOwner{Username: in.Username, Email: in.Email, Password: in.Password})
	if err == nil {
		m.log.InfoContext(ctx, "instance set up", "owner", user.Username, "address", requestOf(ctx).address)
		auditing(ctx).by(user).target(user.Username).after(userFields(user))
	}
	return user, err
}

type loginInput struct{ Body api.Login }

type loginOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      api.SignedIn
}

func (m *Manager) login(ctx context.Context, _ picloud.Principal, in *loginInput) (*loginOutput, error) {
	if err := keepsCookie(ctx, in.Body.Cookie); err != nil {
		return nil, err
	}
	from := client(ctx)
	s, err := m.auth.Login(ctx, auth.Login{
		Login: in.Body.Login, Password: in.Body.Password, Address: from.Address, UserAgent: from.UserAgent,
	})
	if err != nil {
		m.auditAttempt(ctx, in.Body.Login)
		return nil, err
	}
	return m.signedIn(ctx, s, in.Body.Cookie), nil
}

// sessionCookie is the cookie of a session; a negative age removes it. The
// server decides when the session ends, the age only when the browser forgets.
func sessionCookie(token string, age int) http.Cookie {
	return http.Cookie{
		Name: CookieName, Value: token, Path: "/", MaxAge: age,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

type logoutOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

func (m *Manager) logout(ctx context.Context, p picloud.Principal, _ *nothing) (*logoutOutput, error) {
	if err := m.auth.Logout(ctx, p); err != nil {
		return nil, err
	}
	return &logoutOutput{SetCookie: []http.Cookie{sessionCookie("", -1)}}, nil
}

type meOutput struct{ Body api.Me }

func (m *Manager) me(ctx context.Context, p picloud.Principal, _ *nothing) (*meOutput, error) {
	list, err := m.store.ListMemberships(ctx, p.User.ID)
	if err != nil {
		return nil, err
	}
	out := &meOutput{Body: api.Me{User: p.User, SessionID: p.SessionID, Capabilities: []string{}, Apps: list}}
	for _, c := range access.CapabilitiesOf(p, picloud.AppAccess{}) {
		out.Body.Capabilities = append(out.Body.Capabilities, string(c))
	}
	if p.Kind == picloud.PrincipalKey {
		out.Body.Key = &p.Key
		out.Body.Apps = slices.DeleteFunc(list, func(v picloud.Member) bool { return p.Key.App != "" && v.App != p.Key.App })
	}
	return out, nil
}

type passwordInput struct{ Body api.ChangePassword }

func (m *Manager) changePassword(ctx context.Context, p picloud.Principal, in *passwordInput) (*nothing, error) {
	err := m.auth.ChangePassword(ctx, p, in.Body.OldPassword, in.Body.NewPassword, requestOf(ctx).address)
	var e *picloud.Error
	if errors.As(err, &e) && e.Field == "password" {
		e.Field = "new_password"
	}
	if err == nil && in.Body.ExpireKeys {
		_, err = m.store.ExpireKeys(ctx, p.User.ID, m.now())
	}
	auditing(ctx).target(p.User.Username).after(map[string]any{"keys_expired": err == nil && in.Body.ExpireKeys})
	return nil, err
}

type sessionsOutput struct{ Body api.Sessions }

func (m *Manager) listSessions(ctx context.Context, p picloud.Principal, _ *nothing) (*sessionsOutput, error) {
	list, err := m.auth.Sessions(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &sessionsOutput{Body: api.Sessions{Sessions: make([]api.Session, len(list))}}
	for i, s := range list {
		out.Body.Sessions[i] = api.Session{
			ID: s.ID, CreatedAt: s.CreatedAt, LastSeenAt: s.LastSeenAt, ExpiresAt: s.ExpiresAt,
			Address: s.Address, UserAgent: s.UserAgent, Current: s.ID == p.SessionID,
		}
	}
	return out, nil
}

type sessionInput struct {
	ID string `path:"id"`
}

func (m *Manager) revokeSession(ctx context.Context, p picloud.Principal, in *sessionInput) (*nothing, error) {
	return nil, m.auth.Revoke(ctx, p, in.ID)
}

type endedOutput struct{ Body api.Ended }

func (m *Manager) revokeOtherSessions(ctx context.Context, p picloud.Principal, _ *nothing) (*endedOutput, error) {
	n, err := m.auth.RevokeOthers(ctx, p)
	return &endedOutput{Body: api.Ended{Ended: n}}, err
}
