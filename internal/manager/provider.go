package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// stateCookie keeps a browser's own state while it is at the OpenID provider.
// It is Lax and not Strict, since the way back begins on another site.
const stateCookie = "__Host-picloud-oidc"

func (m *Manager) registerProvider() {
	register(m, operation{
		id: "list-identities", method: http.MethodGet, path: "/me/identities", tag: "account", capability: access.Personal,
		summary: "List one's own identities at OpenID providers",
	}, m.listIdentities)
	register(m, operation{
		id: "begin-identity", method: http.MethodPost, path: "/me/identities/begin", tag: "account", capability: access.Personal,
		summary: "Start linking one's own identity at the OpenID provider; a browser goes on at the address",
	}, m.beginIdentity)
	register(m, operation{
		id: "remove-identity", method: http.MethodPost, path: "/me/identities/remove", tag: "account", capability: access.Personal,
		summary: "Unlink one's own identity at an OpenID provider",
	}, m.removeIdentity)
}

type identitiesOutput struct{ Body api.Identities }

func (m *Manager) listIdentities(ctx context.Context, p picloud.Principal, _ *nothing) (*identitiesOutput, error) {
	list, err := m.auth.Identities(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &identitiesOutput{Body: api.Identities{Identities: make([]api.Identity, len(list))}}
	for i, id := range list {
		out.Body.Identities[i] = api.Identity{Issuer: id.Issuer, Subject: id.Subject, Email: id.Email, CreatedAt: id.CreatedAt}
	}
	return out, nil
}

type departureOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      api.Departure
}

func (m *Manager) beginIdentity(ctx context.Context, p picloud.Principal, in *proofInput) (*departureOutput, error) {
	if err := keepsCookie(ctx, true); err != nil {
		return nil, err
	}
	shown, err := proof(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	d, err := m.auth.BeginLink(ctx, p, shown)
	if err != nil {
		return nil, err
	}
	return &departureOutput{SetCookie: []http.Cookie{departureCookie(d)}, Body: api.Departure{URL: d.URL, ExpiresAt: d.ExpiresAt}}, nil
}

func departureCookie(d auth.Departure) http.Cookie {
	return http.Cookie{
		Name: stateCookie, Value: d.State, Path: "/", MaxAge: int(auth.ChallengeTTL.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

type removeIdentityInput struct{ Body api.RemoveIdentity }

func (m *Manager) removeIdentity(ctx context.Context, p picloud.Principal, in *removeIdentityInput) (*nothing, error) {
	shown, err := proof(ctx, in.Body.Proof)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(p.User.Username).before(map[string]any{"issuer": in.Body.Issuer})
	return nil, m.auth.Unlink(ctx, p, in.Body.Issuer, in.Body.Subject, shown)
}

// departToProvider sends a browser to the OpenID provider.
func (m *Manager) departToProvider(w http.ResponseWriter, r *http.Request) {
	if why := requestOf(r.Context()).cookieLost(); why != "" {
		m.showSignIn(w, r, http.StatusForbidden, signInPage{WhyNot: sentenceStart(why)})
		return
	}
	d, err := m.auth.BeginProvider(client(r.Context()))
	if err != nil {
		m.log.WarnContext(r.Context(), "the OpenID provider is not reached", "err", err, "request_id", requestID(r.Context()))
		m.showSignInError(w, r, err, signInPage{})
		return
	}
	c := departureCookie(d)
	http.SetCookie(w, &c)
	http.Redirect(w, r, d.URL, http.StatusSeeOther)
}

// returnFromProvider ends the round trip. It answers with a page that goes on
// by itself, and not with a redirect: the browser comes from another site, and
// would not send the new cookie, which is Strict, to where that leads.
func (m *Manager) returnFromProvider(w http.ResponseWriter, r *http.Request) {
	ctx, q := r.Context(), r.URL.Query()
	in := auth.Return{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error")}
	if c, err := r.Cookie(stateCookie); err == nil {
		in.Cookie = c.Value
	}
	a, err := m.auth.FinishProvider(ctx, in, client(ctx))
	m.auditArrival(ctx, a, err)
	http.SetCookie(w, &http.Cookie{Name: stateCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	switch {
	case err != nil:
		m.log.WarnContext(ctx, "not signed in by the OpenID provider", "err", err, "request_id", requestID(ctx))
		m.showSignInError(w, r, err, signInPage{})
	case a.Challenge != nil:
		m.showSignIn(w, r, http.StatusOK, signInPage{Challenge: a.Challenge.Token})
	default:
		if a.Token != "" {
			c := sessionCookie(a.Token, int(auth.SessionMax.Seconds()))
			http.SetCookie(w, &c)
		}
		m.showSignIn(w, r, http.StatusOK, signInPage{Title: "Signed in", Next: "/"})
	}
}

// auditArrival writes down who was signed in, and what that changed.
func (m *Manager) auditArrival(ctx context.Context, a auth.Arrival, err error) {
	entry := auditing(ctx)
	if a.User.ID != "" {
		noteUser(ctx, a.User.Username)
		entry = entry.by(a.User).target(a.User.Username)
	}
	after := map[string]any{}
	if a.Linked {
		after["linked"] = m.auth.Provider()
	}
	if a.Invited {
		after["invited"] = true
	}
	if a.WasRole != "" {
		entry.before(map[string]any{"role": a.WasRole})
		after["role"] = a.User.Role
	}
	if len(after) > 0 {
		entry.after(after)
	}
	id := "login-oidc"
	switch {
	case err == nil && a.Challenge != nil:
		id = "login-challenge"
	case err == nil && a.Token == "":
		id = "link-identity"
	}
	m.auditPageOf(ctx, id, err)
}
