package manager

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerSignIn() {
	register(m, operation{
		id: "list-login-methods", method: http.MethodGet, path: "/login/methods", tag: "account", capability: access.Anyone,
		summary: "How one can sign in at this address",
	}, m.loginMethods)
	register(m, operation{
		id: "login-code", method: http.MethodPost, path: "/login/code", tag: "account", capability: access.Anyone,
		summary: "Finish a sign-in with a code of the authenticator app or a recovery code",
	}, m.loginCode)
	register(m, operation{
		id: "begin-login-passkey", method: http.MethodPost, path: "/login/passkey/begin", tag: "account", capability: access.Anyone,
		summary: "Start a sign-in with a passkey, or the passkey as a second factor",
	}, m.beginLoginPasskey)
	register(m, operation{
		id: "login-passkey", method: http.MethodPost, path: "/login/passkey", tag: "account", capability: access.Anyone,
		summary: "Finish a sign-in with a passkey",
	}, m.loginPasskey)
}

type loginMethodsOutput struct{ Body api.LoginMethods }

func (m *Manager) loginMethods(ctx context.Context, _ picloud.Principal, _ *nothing) (*loginMethodsOutput, error) {
	out := &loginMethodsOutput{Body: api.LoginMethods{Password: true, Passkeys: true, CookieWorks: true, Provider: m.auth.Provider()}}
	if err := m.auth.PasskeysAvailable(); err != nil {
		out.Body.Passkeys, out.Body.PasskeysWhyNot = false, message(err)
	}
	if why := requestOf(ctx).cookieLost(); why != "" {
		out.Body.CookieWorks, out.Body.CookieWhyNot = false, why
	}
	return out, nil
}

// message is what an error says to users.
func message(err error) string {
	if e, ok := err.(*picloud.Error); ok {
		return e.Message
	}
	return "something went wrong inside"
}

// client is where a request comes from.
func client(ctx context.Context) auth.Client {
	info := requestOf(ctx)
	return auth.Client{Address: info.address, UserAgent: info.agent}
}

// signedIn answers with what a sign-in has led to: a session, as a token or in
// a cookie, or what is still asked for.
func (m *Manager) signedIn(ctx context.Context, s auth.SignedIn, cookie bool) *loginOutput {
	noteUser(ctx, s.User.Username)
	entry := auditing(ctx).by(s.User).target(s.User.Username)
	if c := s.Challenge; c != nil {
		entry.action("login-challenge")
		methods := make([]string, len(c.Methods))
		for i, name := range c.Methods {
			methods[i] = string(name)
		}
		return &loginOutput{Body: api.SignedIn{MFA: &api.Challenge{Challenge: c.Token, ExpiresAt: c.ExpiresAt, Methods: methods}}}
	}
	out := &loginOutput{Body: api.SignedIn{Token: s.Token, ExpiresAt: s.Session.ExpiresAt, User: &s.User}}
	if cookie {
		out.Body.Token = ""
		out.SetCookie = []http.Cookie{sessionCookie(s.Token, int(auth.SessionMax.Seconds()))}
	}
	return out
}

// keepsCookie refuses to make a session for a browser that would lose it.
func keepsCookie(ctx context.Context, cookie bool) error {
	if !cookie || requestOf(ctx).origin == "" { // what says no origin is no browser
		return nil
	}
	if why := requestOf(ctx).cookieLost(); why != "" {
		return picloud.Errorf(picloud.CodeInsecureTransport, "%s", why)
	}
	return nil
}

// cookieLost says why a browser at this address would not keep the session's
// cookie, and what to do about it; "" when it would. Browsers keep a Secure
// cookie over https, and over http from this machine only.
func (info *requestInfo) cookieLost() string {
	scheme, host := info.scheme, info.host
	if u, err := url.Parse(info.origin); err == nil && u.Host != "" {
		scheme, host = u.Scheme, u.Host // the browser itself says where it is
	}
	// Browsers tell about the fetch only where they trust the connection.
	if scheme == "https" || info.fetchSite != "" || trustworthy(host) {
		return ""
	}
	name, port := host, "8081"
	if h, p, err := net.SplitHostPort(host); err == nil {
		name, port = h, p
	}
	return "browsers keep a session over https only, and this is http://" + host + ". On the server, run: caddy reverse-proxy --from https://" +
		name + " --to 127.0.0.1:" + port + " --internal-certs (in a Caddyfile: tls internal), and open https://" + name +
		". Or make a tunnel: ssh -L " + port + ":127.0.0.1:" + port + " " + name + ", and open http://localhost:" + port +
		". The command line works here as it is"
}

// trustworthy reports whether browsers trust a host without https: it is the
// machine that they run on.
func trustworthy(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

type loginCodeInput struct{ Body api.LoginCode }

func (m *Manager) loginCode(ctx context.Context, _ picloud.Principal, in *loginCodeInput) (*loginOutput, error) {
	if err := keepsCookie(ctx, in.Body.Cookie); err != nil {
		return nil, err
	}
	s, err := m.auth.LoginCode(ctx, in.Body.Challenge, in.Body.Code, client(ctx))
	if err != nil {
		return nil, err
	}
	return m.signedIn(ctx, s, in.Body.Cookie), nil
}

type beginLoginPasskeyInput struct{ Body api.BeginPasskey }

type ceremonyOutput struct{ Body api.Ceremony }

func ceremony(c auth.Ceremony, err error) (*ceremonyOutput, error) {
	if err != nil {
		return nil, err
	}
	return &ceremonyOutput{Body: api.Ceremony{Challenge: c.Token, ExpiresAt: c.ExpiresAt, Options: c.Options}}, nil
}

func (m *Manager) beginLoginPasskey(ctx context.Context, _ picloud.Principal, in *beginLoginPasskeyInput) (*ceremonyOutput, error) {
	return ceremony(m.auth.BeginPasskeyLogin(ctx, in.Body.Challenge, client(ctx)))
}

type loginPasskeyInput struct{ Body api.LoginPasskey }

func (m *Manager) loginPasskey(ctx context.Context, _ picloud.Principal, in *loginPasskeyInput) (*loginOutput, error) {
	if err := keepsCookie(ctx, in.Body.Cookie); err != nil {
		return nil, err
	}
	credential, err := json.Marshal(in.Body.Credential)
	if err != nil {
		return nil, err
	}
	s, err := m.auth.FinishPasskeyLogin(ctx, in.Body.Challenge, credential, client(ctx))
	if err != nil {
		return nil, err
	}
	return m.signedIn(ctx, s, in.Body.Cookie), nil
}
