package manager

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is somebody's, with cookies and an address bar.
type browser struct {
	*fixture
	origin  string
	cookies map[string]string
}

func (f *fixture) browser(origin string) *browser {
	return &browser{fixture: f, origin: origin, cookies: map[string]string{}}
}

// visit asks for a page, or with a form posts it, and keeps cookies. Redirects
// are the test's business.
func (b *browser) visit(path string, form url.Values) (*http.Response, string) {
	b.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, b.origin+path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.origin)
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	b.m.ServeHTTP(rec, r)
	resp := rec.Result()
	for _, c := range resp.Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	page, err := io.ReadAll(resp.Body)
	b.ok(err)
	return resp, string(page)
}

func (b *browser) wantPage(path string, form url.Values, status int, holds ...string) (*http.Response, string) {
	b.Helper()
	resp, page := b.visit(path, form)
	if resp.StatusCode != status {
		b.Fatalf("%s: status %d, want %d: %s", path, resp.StatusCode, status, page)
	}
	for _, want := range holds {
		if !strings.Contains(page, want) {
			b.Errorf("%s lacks %q: %s", path, want, page)
		}
	}
	return resp, page
}

var challengeField = regexp.MustCompile(`name="challenge" value="([^"]+)"`)

func TestSigningInWithAPage(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	_, recovery := f.withTOTP()
	b := f.browser("http://localhost:8081")
	if resp, _ := b.wantPage("/", nil, http.StatusSeeOther); resp.Header.Get("Location") != "/sign-in" {
		t.Errorf("it leads to %s", resp.Header.Get("Location"))
	}
	b.wantPage("/sign-in", nil, http.StatusOK, `autocomplete="current-password"`)
	wrong := url.Values{"login": {`"><script>`}, "password": {"wrong wrong wrong"}}
	_, page := b.wantPage("/sign-in", wrong, http.StatusUnauthorized, "Wrong user name or password.")
	if strings.Contains(page, "<script") || strings.Contains(page, "wrong wrong wrong") {
		t.Errorf("the page repeats what was typed: %s", page)
	}
	_, page = b.wantPage("/sign-in", url.Values{"login": {"ada"}, "password": {ownerPassword}}, http.StatusOK, `autocomplete="one-time-code"`)
	if len(b.cookies) != 0 {
		t.Errorf("cookies %v before the code", b.cookies)
	}
	challenge := challengeField.FindStringSubmatch(page)[1]
	b.wantPage("/sign-in/code", url.Values{"challenge": {challenge}, "code": {"000000"}}, http.StatusUnauthorized, "The code is wrong", challenge)
	resp, _ := b.wantPage("/sign-in/code", url.Values{"challenge": {challenge}, "code": {recovery[0]}}, http.StatusSeeOther)
	if resp.Header.Get("Location") != "/" || b.cookies[CookieName] == "" {
		t.Errorf("it leads to %s, cookies %v", resp.Header.Get("Location"), b.cookies)
	}
	b.wantPage("/sign-in/code", url.Values{"challenge": {challenge}, "code": {recovery[1]}}, http.StatusUnauthorized, `name="password"`)
	b.wantPage("/", nil, http.StatusOK, "signed in as <strong>ada</strong>")
	stolen := b.cookies[CookieName]
	b.wantPage("/sign-out", url.Values{}, http.StatusSeeOther)
	if len(b.cookies) != 0 {
		t.Errorf("cookies %v are left", b.cookies)
	}
	b.cookies[CookieName] = stolen
	b.wantPage("/", nil, http.StatusSeeOther)
	for _, want := range []string{`action=login user="" outcome=invalid_credentials`, "action=login-challenge user=ada", "action=login-code user=ada", "action=logout user=ada"} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

func TestThePageOnPlainHTTP(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	b := f.browser("http://192.168.1.5:8081")
	for _, path := range []string{"/sign-in", "/login/oidc"} {
		_, page := b.visit(path, nil)
		if !strings.Contains(page, "tls internal") || !strings.Contains(page, "ssh -L 8081") || strings.Contains(page, "<form") {
			t.Errorf("%s: %s", path, page)
		}
	}
	b.wantPage("/sign-in", url.Values{"login": {"ada"}, "password": {ownerPassword}}, http.StatusForbidden, "tls internal")
	if len(b.cookies) != 0 {
		t.Errorf("cookies %v", b.cookies)
	}
	f.browser("https://pi.example.org").wantPage("/login/oidc", nil, http.StatusNotFound, "no OpenID provider")
	f.browser("https://pi.example.org").wantPage("/login/oidc/callback?state=x&code=y", nil, http.StatusNotFound)
}

func TestSignInPageIsSelfContained(t *testing.T) {
	t.Parallel()
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(signInHTML)
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if hash := "sha256-" + base64.StdEncoding.EncodeToString(sum[:]); hash != setupStyleHash {
		t.Errorf("the style's hash is %s, allowed is %s", hash, setupStyleHash)
	}
	if strings.Contains(signInHTML, "<script") || strings.Contains(signInHTML, "http://") || strings.Contains(signInHTML, "style=") {
		t.Error("the page holds what its policy does not allow")
	}
}
