package manager

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (f *fixture) setupToken() string {
	f.Helper()
	token, err := f.auth.NewSetupToken(f.Context())
	f.ok(err)
	return token
}

// form posts the setup form and is the status and the page.
func (f *fixture) form(v url.Values, header map[string]string) (*http.Response, string) {
	f.Helper()
	r := httptest.NewRequest(http.MethodPost, "/setup", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k, val := range header {
		r.Header.Set(k, val)
	}
	rec := httptest.NewRecorder()
	f.m.ServeHTTP(rec, r)
	body, err := io.ReadAll(rec.Result().Body)
	f.ok(err)
	return rec.Result(), string(body)
}

func TestSetupThroughTheAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.setupToken()
	body := api.Setup{Token: token, Username: "Ada", Email: "ada@example.org", Password: ownerPassword}

	wrong := body
	wrong.Token = token[:len(token)-1] + "x"
	f.fails(request{path: setupAPIPath, body: wrong}, http.StatusUnauthorized, picloud.CodeInvalidCredentials)
	short := body
	short.Password = "secret"
	p := f.fails(request{path: setupAPIPath, body: short}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	if p.Errors[0].Pointer != "#/password" {
		t.Errorf("errors %+v", p.Errors)
	}
	var user picloud.User
	f.want(request{path: setupAPIPath, body: body}, http.StatusCreated, &user)
	if user.Username != "ada" || user.Role != picloud.RoleOwner {
		t.Errorf("owner %+v", user)
	}
	f.fails(request{path: setupAPIPath, body: body}, http.StatusConflict, picloud.CodeSetupDone)
	f.fails(request{path: "/api/v1/me"}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
}

func TestSetupThroughThePage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.setupToken()
	resp := f.want(request{path: "/setup?token=" + token}, http.StatusOK, nil)
	if got := resp.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	if strings.Contains(f.log.String(), token) {
		t.Error("the token is in the log")
	}
	fill := url.Values{"token": {token}, "username": {"ada"}, "email": {"f@example.org"}, "password": {ownerPassword}, "repeat": {"other than that"}}
	resp, page := f.form(fill, nil)
	if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "The two passwords differ.") ||
		!strings.Contains(page, `value="ada"`) || strings.Contains(page, ownerPassword) {
		t.Errorf("status %d, page %s", resp.StatusCode, page)
	}
	fill.Set("repeat", ownerPassword)
	fill.Set("username", `"><script>alert(1)</script>`)
	resp, page = f.form(fill, nil)
	if resp.StatusCode != http.StatusUnprocessableEntity || strings.Contains(page, "<script") {
		t.Errorf("status %d, page %s", resp.StatusCode, page)
	}
	fill.Set("username", "ada")
	resp, _ = f.form(fill, map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: status %d", resp.StatusCode)
	}
	resp, page = f.form(fill, map[string]string{"Origin": "http://example.com", "Sec-Fetch-Site": "same-origin"})
	if resp.StatusCode != http.StatusCreated || !strings.Contains(page, "picloud login http://example.com --username ada") {
		t.Errorf("status %d, page %s", resp.StatusCode, page)
	}
	resp, page = f.form(fill, nil)
	if resp.StatusCode != http.StatusConflict || !strings.Contains(page, "Already set up") {
		t.Errorf("status %d, page %s", resp.StatusCode, page)
	}
	f.want(request{path: "/setup?token=" + token}, http.StatusConflict, nil)
}

func TestSetupFormOnPlainHTTPFromTheLAN(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	// Browsers send no Sec-Fetch-Site on plain http, so the origin decides.
	resp, _ := f.form(url.Values{"token": {"x"}}, map[string]string{"Origin": "http://example.com"})
	if resp.StatusCode == http.StatusForbidden {
		t.Error("the page's own form is refused")
	}
	resp, _ = f.form(url.Values{"token": {"x"}}, map[string]string{"Origin": "null"})
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("an opaque origin: status %d", resp.StatusCode)
	}
	big := url.Values{"username": {strings.Repeat("a", maxSetupForm)}}
	if resp, _ := f.form(big, nil); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a huge form: status %d", resp.StatusCode)
	}
}

func TestSetupPageIsSelfContained(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	resp := f.do(request{path: "/setup"})
	page, err := io.ReadAll(resp.Body)
	f.ok(err)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindSubmatch(page)
	if style == nil {
		t.Fatalf("no style in %s", page)
	}
	sum := sha256.Sum256(style[1])
	hash := "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
	if hash != setupStyleHash || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "'"+hash+"'") {
		t.Errorf("the style's hash is %s, allowed is %s", hash, setupStyleHash)
	}
	for _, no := range []string{"<script", "http://", "https://", "style=", " on"} {
		for _, line := range strings.Split(string(page), "\n") {
			if strings.Contains(line, no) && strings.HasPrefix(line, "<") {
				t.Errorf("the page holds %q: %s", no, line)
			}
		}
	}
}

func TestLoginByBearer(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var in api.SignedIn
	resp := f.want(request{path: "/api/v1/login", body: api.Login{Login: "Ada@Example.org", Password: ownerPassword}, anonymous: true}, http.StatusOK, &in)
	if in.Token == "" || in.User.Username != "ada" || in.ExpiresAt.IsZero() || len(resp.Cookies()) != 0 {
		t.Errorf("signed in %+v, cookies %v", in, resp.Cookies())
	}
	f.token = in.Token
	var me api.Me
	f.want(request{path: "/api/v1/me"}, http.StatusOK, &me)
	if me.User.Username != "ada" || !slices.Contains(me.Capabilities, string(access.ManageUsers)) || slices.Contains(me.Capabilities, string(access.Deploy)) {
		t.Errorf("me %+v", me)
	}
	f.want(request{method: http.MethodPost, path: "/api/v1/logout"}, http.StatusNoContent, nil)
	f.fails(request{path: "/api/v1/me"}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
}

func TestLoginByCookie(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var in api.SignedIn
	resp := f.want(request{path: "/api/v1/login", body: api.Login{Login: "ada", Password: ownerPassword, Cookie: true}, anonymous: true}, http.StatusOK, &in)
	if in.Token != "" || len(resp.Cookies()) != 1 {
		t.Fatalf("signed in %+v, cookies %v", in, resp.Cookies())
	}
	c := resp.Cookies()[0]
	if c.Name != "__Host-picloud" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %v", c)
	}
	cookie := map[string]string{"Cookie": c.Name + "=" + c.Value}
	f.want(request{path: "/api/v1/me", header: cookie, anonymous: true}, http.StatusOK, nil)

	// A wrong token is not made good by the cookie.
	both := map[string]string{"Cookie": c.Name + "=" + c.Value, "Authorization": "Bearer pics_no"}
	f.fails(request{path: "/api/v1/me", header: both, anonymous: true}, http.StatusUnauthorized, picloud.CodeUnauthenticated)

	for name, h := range map[string]map[string]string{
		"cross-site":               {"Sec-Fetch-Site": "cross-site"},
		"same-site, other origin":  {"Sec-Fetch-Site": "same-site"},
		"an old browser's origin":  {"Origin": "http://evil.example"},
		"an opaque origin":         {"Origin": "null"},
		"the public listener's":    {"Origin": "http://example.com:8080"},
		"a script's own subdomain": {"Origin": "http://app.example.com"},
	} {
		h["Cookie"] = cookie["Cookie"]
		p := f.fails(request{method: http.MethodPost, path: "/api/v1/apps", body: `{"name":"stolen"}`, header: h, anonymous: true}, http.StatusForbidden, picloud.CodeForbidden)
		if p.RequestID == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	cookie["Sec-Fetch-Site"] = "same-origin"
	f.want(request{path: "/api/v1/apps", body: `{"name":"mine"}`, header: cookie, anonymous: true}, http.StatusCreated, nil)
	resp = f.want(request{method: http.MethodPost, path: "/api/v1/logout", header: cookie, anonymous: true}, http.StatusNoContent, nil)
	if cs := resp.Cookies(); len(cs) != 1 || cs[0].MaxAge >= 0 || cs[0].Value != "" {
		t.Errorf("cookies %v", cs)
	}
	f.fails(request{path: "/api/v1/me", header: cookie, anonymous: true}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
}

func TestGuessingIsStopped(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	guess := request{path: "/api/v1/login", body: api.Login{Login: "ada", Password: "wrong wrong wrong"}, anonymous: true}
	for i := 0; ; i++ {
		if i > 30 {
			t.Fatal("guessing goes on for ever")
		}
		resp := f.do(guess)
		if resp.StatusCode == http.StatusTooManyRequests {
			if resp.Header.Get("Retry-After") == "" || i < 5 {
				t.Errorf("after %d guesses, headers %v", i, resp.Header)
			}
			break
		}
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
			t.Fatalf("guess %d: status %d, %v", i, resp.StatusCode, resp.Header)
		}
	}
	f.fails(guess, http.StatusTooManyRequests, picloud.CodeRateLimited)
}

func TestSessionsAndPassword(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	other, err := f.auth.Login(t.Context(), auth.Login{Login: "ada", Password: ownerPassword, Address: "192.0.2.9", UserAgent: "thief"})
	f.ok(err)
	var list api.Sessions
	f.want(request{path: "/api/v1/sessions"}, http.StatusOK, &list)
	current := 0
	for _, s := range list.Sessions {
		if s.Current {
			current++
		}
	}
	if len(list.Sessions) != 2 || current != 1 {
		t.Errorf("sessions %+v", list)
	}
	f.want(request{method: http.MethodDelete, path: "/api/v1/sessions/" + other.Session.ID}, http.StatusNoContent, nil)
	f.fails(request{method: http.MethodDelete, path: "/api/v1/sessions/" + other.Session.ID}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: "/api/v1/me", header: map[string]string{"Authorization": "Bearer " + other.Token}}, http.StatusUnauthorized, picloud.CodeUnauthenticated)

	change := func(old, new string) request {
		return request{path: "/api/v1/me/password", body: api.ChangePassword{OldPassword: old, NewPassword: new}}
	}
	p := f.fails(change(ownerPassword, "short"), http.StatusUnprocessableEntity, picloud.CodeInvalid)
	if p.Errors[0].Pointer != "#/new_password" {
		t.Errorf("errors %+v", p.Errors)
	}
	p = f.fails(change("not the old one", "a fine new password"), http.StatusUnauthorized, picloud.CodeInvalidCredentials)
	if p.Errors[0].Pointer != "#/old_password" {
		t.Errorf("errors %+v", p.Errors)
	}
	f.want(change(ownerPassword, "a fine new password"), http.StatusNoContent, nil)
	f.want(request{path: "/api/v1/me"}, http.StatusOK, nil)
	f.fails(request{path: "/api/v1/login", body: api.Login{Login: "ada", Password: ownerPassword}}, http.StatusUnauthorized, picloud.CodeInvalidCredentials)
}

// A secret that was sent never comes back, whatever is wrong with the request.
func TestSecretsAreNotRepeated(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	const secret = "hunter2-hunter2-hunter2"
	for _, path := range []string{"/api/v1/login", "/api/v1/me/password", "/api/v1/setup", "/api/v1/apps/default/deployments"} {
		for _, body := range []string{
			`{"password":"` + secret + `"}`,
			`{"password":"` + secret + `","login":7}`,
			`{"login":"ada","password":["` + secret + `"]}`,
			`{"login":"ada","password":"` + secret + `","extra":"` + secret + `"}`,
			`{"old_password":"` + secret + `","new_password":{"a":"` + secret + `"}}`,
			`{"token":"` + secret + `","username":"` + ownerPassword + `","email":"x","password":"` + secret + `"}`,
			`{"login":"` + secret + `","password":"` + secret + `"`,
			`{"scripts":[{"name":"a","source":"1","settings":{"env":{"A":"` + secret + `"},"limits":{"x":"` + secret + `"}}}]}`,
			`["` + secret + `"]`, `"` + secret + `"`, secret,
		} {
			resp := f.do(request{method: http.MethodPost, path: path, body: body})
			answer, err := io.ReadAll(resp.Body)
			f.ok(err)
			if resp.StatusCode < 400 {
				t.Errorf("%s %s: status %d", path, body, resp.StatusCode)
			}
			if strings.Contains(string(answer), secret) {
				t.Errorf("%s: the secret comes back: %s", path, answer)
			}
		}
	}
	if strings.Contains(f.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestChangesAreAudited(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.want(request{path: "/api/v1/apps", body: `{"name":"shop"}`}, http.StatusCreated, nil)
	f.fails(request{path: "/api/v1/apps", body: `{"name":"shop"}`}, http.StatusConflict, picloud.CodeConflict)
	f.want(request{path: "/api/v1/apps"}, http.StatusOK, nil)
	log := f.log.String()
	for _, want := range []string{"msg=audit action=create-app user=ada outcome=ok", "msg=audit action=create-app user=ada outcome=conflict"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
	if strings.Contains(log, "action=list-apps") {
		t.Error("reading is audited")
	}
}
