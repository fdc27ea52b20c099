package manager

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const adminOrigin = "https://pi.example.org"

// withTOTP sets up an authenticator app for the owner.
func (f *fixture) withTOTP() (secret string, recovery []string) {
	f.Helper()
	var e api.Enrolment
	f.want(request{path: "/api/v1/me/totp", body: api.Proof{Password: ownerPassword}}, http.StatusOK, &e)
	// The code of the step before is good too, and leaves the current one for
	// the test.
	code, err := totp.GenerateCode(e.Secret, time.Now().Add(-30*time.Second))
	f.ok(err)
	var out api.RecoveryCodes
	f.want(request{path: "/api/v1/me/totp/confirm", body: api.ConfirmTOTP{Code: code}}, http.StatusOK, &out)
	return e.Secret, out.RecoveryCodes
}

// challenge signs in with the password only.
func (f *fixture) challenge() string {
	f.Helper()
	var in api.SignedIn
	f.want(request{path: "/api/v1/login", body: api.Login{Login: "ada", Password: ownerPassword}, anonymous: true}, http.StatusOK, &in)
	if in.MFA == nil || in.Token != "" || in.User != nil {
		f.Fatalf("signed in %+v, want a challenge", in)
	}
	return in.MFA.Challenge
}

func TestLoginWithACode(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	_, recovery := f.withTOTP()
	if len(recovery) != 10 {
		t.Fatalf("recovery codes %q", recovery)
	}
	challenge := f.challenge()
	code := func(c, code string) request {
		return request{path: "/api/v1/login/code", body: api.LoginCode{Challenge: c, Code: code}, anonymous: true}
	}
	f.fails(code(challenge, "not right"), http.StatusUnauthorized, picloud.CodeInvalidCredentials)
	f.fails(code("picc_guess", recovery[0]), http.StatusUnauthorized, picloud.CodeUnauthenticated)
	f.fails(request{path: "/api/v1/me", header: map[string]string{"Authorization": "Bearer " + challenge}}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
	var in api.SignedIn
	f.want(code(challenge, recovery[0]), http.StatusOK, &in)
	if in.Token == "" || in.User.Username != "ada" || in.MFA != nil {
		t.Errorf("signed in %+v", in)
	}
	f.fails(code(f.challenge(), recovery[0]), http.StatusUnauthorized, picloud.CodeInvalidCredentials)

	var factors api.Factors
	f.want(request{path: "/api/v1/me/factors"}, http.StatusOK, &factors)
	if factors != (api.Factors{TOTP: true, RecoveryCodes: 9, Required: true}) {
		t.Errorf("factors %+v", factors)
	}
	remove := func(p api.Proof) request { return request{path: "/api/v1/me/totp/remove", body: p} }
	p := f.fails(remove(api.Proof{Password: ownerPassword}), http.StatusUnprocessableEntity, picloud.CodeInvalid)
	if p.Errors[0].Pointer != "#/code" {
		t.Errorf("errors %+v", p.Errors)
	}
	f.fails(remove(api.Proof{Password: "wrong wrong wrong", Code: recovery[1]}), http.StatusUnauthorized, picloud.CodeInvalidCredentials)
	f.want(remove(api.Proof{Password: ownerPassword, Code: recovery[1]}), http.StatusNoContent, nil)
	f.want(request{path: "/api/v1/login", body: api.Login{Login: "ada", Password: ownerPassword}, anonymous: true}, http.StatusOK, &in)
	if in.Token == "" {
		t.Errorf("signed in %+v", in)
	}
}

func TestTheQRCodeIsSquare(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var e api.Enrolment
	f.want(request{path: "/api/v1/me/totp", body: api.Proof{Password: ownerPassword}}, http.StatusOK, &e)
	rows := strings.Split(strings.TrimSuffix(e.QR, "\n"), "\n")
	for i, row := range rows {
		if len(row) != len(rows) || strings.Trim(row, "01") != "" {
			t.Fatalf("row %d of %d is %q", i, len(rows), row)
		}
	}
	// The finder pattern of a corner, within the quiet zone.
	if rows[0] != strings.Repeat("0", len(rows)) || rows[quietZone][quietZone:quietZone+8] != "11111110" {
		t.Errorf("the code is\n%s", e.QR)
	}
}

func TestPasskeysThroughTheAPI(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	rp := virtualwebauthn.RelyingParty{Name: "PiCloud", ID: "pi.example.org", Origin: adminOrigin}
	device, key := virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)

	var c api.Ceremony
	f.fails(request{path: "/api/v1/me/passkeys/begin", body: api.Proof{Password: "wrong wrong wrong"}}, http.StatusUnauthorized, picloud.CodeInvalidCredentials)
	f.want(request{path: "/api/v1/me/passkeys/begin", body: api.Proof{Password: ownerPassword}}, http.StatusOK, &c)
	creation, err := virtualwebauthn.ParseAttestationOptions(f.text(c.Options))
	f.ok(err)
	device.Options.UserHandle = []byte(creation.UserID)
	var made api.RegisteredPasskey
	f.want(request{path: "/api/v1/me/passkeys", body: api.NewPasskey{
		Challenge: c.Challenge, Name: "laptop", Credential: json.RawMessage(virtualwebauthn.CreateAttestationResponse(rp, device, key, *creation)),
	}}, http.StatusCreated, &made)
	if made.Passkey.Name != "laptop" || made.Passkey.Host != "pi.example.org" || len(made.RecoveryCodes) != 10 {
		t.Errorf("registered %+v", made)
	}
	show := func() json.RawMessage {
		options, err := virtualwebauthn.ParseAssertionOptions(f.text(c.Options))
		f.ok(err)
		key.Counter++
		return json.RawMessage(virtualwebauthn.CreateAssertionResponse(rp, device, key, *options))
	}
	for name, second := range map[string]string{"alone": "", "as a second factor": f.challenge()} {
		f.want(request{path: "/api/v1/login/passkey/begin", body: api.BeginPasskey{Challenge: second}, anonymous: true}, http.StatusOK, &c)
		finish := request{path: "/api/v1/login/passkey", anonymous: true, body: api.LoginPasskey{Challenge: c.Challenge, Credential: show(), Cookie: true},
			header: map[string]string{"Origin": adminOrigin, "Host": "pi.example.org", "Sec-Fetch-Site": "same-origin"}}
		var in api.SignedIn
		resp := f.want(finish, http.StatusOK, &in)
		if len(resp.Cookies()) != 1 || in.User.Username != "ada" {
			t.Errorf("%s: signed in %+v, cookies %v", name, in, resp.Cookies())
		}
		f.fails(finish, http.StatusUnauthorized, picloud.CodeUnauthenticated)
	}
	f.want(request{method: http.MethodPatch, path: "/api/v1/me/passkeys/" + made.Passkey.ID, body: api.Rename{Name: "work"}}, http.StatusNoContent, nil)
	f.want(request{method: http.MethodPost, path: "/api/v1/me/passkeys/proof"}, http.StatusOK, &c)
	f.want(request{path: "/api/v1/me/passkeys/" + made.Passkey.ID + "/remove", body: api.Proof{
		Password: ownerPassword, Passkey: &api.PasskeyProof{Challenge: c.Challenge, Credential: show()},
	}}, http.StatusNoContent, nil)
	var list api.Passkeys
	f.want(request{path: "/api/v1/me/passkeys"}, http.StatusOK, &list)
	if len(list.Passkeys) != 0 {
		t.Errorf("passkeys %+v", list)
	}
}

func (f *fixture) text(v any) string {
	f.Helper()
	text, err := json.Marshal(v)
	f.ok(err)
	return string(text)
}

func TestChangeMe(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	me := func(current string, email, password *string) request {
		return request{method: http.MethodPatch, path: "/api/v1/me", body: api.ChangeMe{CurrentPassword: current, Email: email, Password: password}}
	}
	email, password, short := "New@Example.org", "a fine new password", "short"
	p := f.fails(me("not the old one", &email, nil), http.StatusUnauthorized, picloud.CodeInvalidCredentials)
	if p.Errors[0].Pointer != "#/current_password" {
		t.Errorf("errors %+v", p.Errors)
	}
	f.fails(me(ownerPassword, nil, &short), http.StatusUnprocessableEntity, picloud.CodeInvalid)
	var user picloud.User
	f.want(me(ownerPassword, &email, &password), http.StatusOK, &user)
	if user.Email != "new@example.org" {
		t.Errorf("user %+v", user)
	}
	f.want(request{path: "/api/v1/login", body: api.Login{Login: "new@example.org", Password: password}}, http.StatusOK, nil)
}

func TestOtherSessionsAreEnded(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var other api.SignedIn
	f.want(request{path: "/api/v1/login", body: api.Login{Login: "ada", Password: ownerPassword}, anonymous: true}, http.StatusOK, &other)
	var ended api.Ended
	f.want(request{method: http.MethodDelete, path: "/api/v1/sessions"}, http.StatusOK, &ended)
	if ended.Ended != 1 {
		t.Errorf("ended %d", ended.Ended)
	}
	f.want(request{path: "/api/v1/me"}, http.StatusOK, nil)
	f.fails(request{path: "/api/v1/me", header: map[string]string{"Authorization": "Bearer " + other.Token}}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
}

// A forged cookie is nobody's, however close to a real one it is.
func TestForgedCookies(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	for name, value := range map[string]string{
		"empty": "", "made up": "pics_" + strings.Repeat("A", 43), "one letter off": f.token[:len(f.token)-1] + string(f.token[len(f.token)-1]^1),
		"longer": f.token + "A", "the id of a user": "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a", "huge": strings.Repeat("A", 8000),
	} {
		h := map[string]string{"Cookie": CookieName + "=" + value}
		p := f.fails(request{path: "/api/v1/me", header: h, anonymous: true}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
		if value != "" && strings.Contains(p.Detail, value) {
			t.Errorf("%s: the cookie comes back: %s", name, p.Detail)
		}
	}
	// The right token under another name, as a host below this one could set it.
	for _, name := range []string{"picloud", "__Secure-picloud", "__host-picloud"} {
		h := map[string]string{"Cookie": name + "=" + f.token}
		f.fails(request{path: "/api/v1/me", header: h, anonymous: true}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
	}
}

// Every operation that changes something refuses the page of another origin.
func TestNoMutationFromAnotherOrigin(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	var spec struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	f.ok(json.Unmarshal(f.m.spec, &spec))
	tried := 0
	for path, methods := range spec.Paths {
		for method := range methods {
			if method == "get" {
				continue
			}
			tried++
			for name, header := range map[string]map[string]string{
				"cross-site": {"Sec-Fetch-Site": "cross-site"}, "same-site": {"Sec-Fetch-Site": "same-site"},
				"an origin": {"Origin": "https://evil.example"}, "a subdomain": {"Origin": "http://app.example.com"}, "no origin": {"Origin": "null"},
			} {
				header["Cookie"] = CookieName + "=" + f.token
				resp := f.do(request{method: strings.ToUpper(method), path: strings.NewReplacer("{", "", "}", "").Replace(path), body: "{}", header: header, anonymous: true})
				if resp.StatusCode != http.StatusForbidden {
					t.Errorf("%s %s from %s: status %d", method, path, name, resp.StatusCode)
				}
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d operations", tried)
	}
}

func TestABrowserOnPlainHTTPIsTold(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	login := func(origin string, cookie bool) request {
		host := strings.TrimPrefix(strings.TrimPrefix(origin, "http://"), "https://")
		return request{path: origin + "/api/v1/login", header: map[string]string{"Origin": origin, "Host": host}, anonymous: true,
			body: api.Login{Login: "ada", Password: ownerPassword, Cookie: cookie}}
	}
	for _, origin := range []string{"http://192.168.1.5:8081", "http://raspberrypi.local:8081", "http://[fd00::1]:8081"} {
		p := f.fails(login(origin, true), http.StatusForbidden, picloud.CodeInsecureTransport)
		if !strings.Contains(p.Detail, "tls internal") || !strings.Contains(p.Detail, "ssh -L 8081") {
			t.Errorf("%s: %s", origin, p.Detail)
		}
		f.want(login(origin, false), http.StatusOK, nil) // a bearer token works
		var methods api.LoginMethods
		f.want(request{path: origin + "/api/v1/login/methods", anonymous: true}, http.StatusOK, &methods)
		if methods.CookieWorks || methods.CookieWhyNot == "" {
			t.Errorf("%s: %+v", origin, methods)
		}
	}
	for _, origin := range []string{"http://127.0.0.1:8081", "http://localhost:8081", "http://[::1]:8081", "https://pi.example.org"} {
		f.want(login(origin, true), http.StatusOK, nil)
	}
}

func TestClientOf(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		remote, forwarded, proto string
		address, scheme          string
	}{
		{"203.0.113.9:1", "198.51.100.1", "https", "203.0.113.9", "http"}, // a stranger says so
		{"127.0.0.1:1", "", "", "127.0.0.1", "http"},
		{"127.0.0.1:1", "198.51.100.1", "https", "198.51.100.1", "https"},
		{"127.0.0.1:1", "1.2.3.4, 198.51.100.1, 10.0.0.7", "HTTPS", "198.51.100.1", "https"},
		{"127.0.0.1:1", "junk", "", "127.0.0.1", "http"},
		{"[::ffff:127.0.0.1]:1", "2001:db8::1", "", "2001:db8::1", "http"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		r.Header.Set("X-Forwarded-Proto", c.proto)
		if address, scheme := clientOf(r, proxies); address != c.address || scheme != c.scheme {
			t.Errorf("%+v: %s, %s", c, address, scheme)
		}
	}
}

// TestCanaries plants secrets and looks for them where they must not be: in
// the whole database, the log, and every answer but the one that is for them.
func TestCanaries(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	secret, recovery := f.withTOTP()
	challenge := f.challenge()
	var in api.SignedIn
	f.want(request{path: "/api/v1/login/code", body: api.LoginCode{Challenge: challenge, Code: recovery[0]}, anonymous: true}, http.StatusOK, &in)
	canaries := map[string]string{
		"password": ownerPassword, "secret of the app": secret, "a used recovery code": recovery[0], "a recovery code": recovery[1],
		"its bare letters": strings.ReplaceAll(recovery[1], "-", ""), "session token": f.token, "another session token": in.Token, "challenge": challenge,
	}
	var places = map[string]string{"log": f.log.String()}
	for _, path := range []string{"/api/v1/me", "/api/v1/me/factors", "/api/v1/me/passkeys", "/api/v1/sessions", "/api/v1/login/methods"} {
		resp := f.do(request{path: path})
		body, err := io.ReadAll(resp.Body)
		f.ok(err)
		places[path] = string(body)
	}
	for _, wrong := range []request{
		{path: "/api/v1/login/code", body: api.LoginCode{Challenge: challenge, Code: recovery[1]}},
		{path: "/api/v1/me/totp/remove", body: api.Proof{Password: ownerPassword, Code: secret}},
		{path: "/api/v1/me/totp/confirm", body: api.ConfirmTOTP{Code: recovery[1]}},
		{path: "/api/v1/me/totp", body: `{"password":["` + ownerPassword + `"],"code":"` + recovery[1] + `"}`},
		{path: "/api/v1/me/passkeys", body: `{"challenge":"` + challenge + `","name":"` + secret + `","credential":"` + recovery[1] + `"}`},
	} {
		resp := f.do(wrong)
		body, err := io.ReadAll(resp.Body)
		f.ok(err)
		if resp.StatusCode < 400 {
			t.Fatalf("%s: status %d", wrong.path, resp.StatusCode)
		}
		places["the answer of "+wrong.path] = string(body)
	}
	stored := 0
	f.ok(filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		stored++
		data, err := os.ReadFile(path)
		places[path] = string(data)
		return err
	}))
	if stored < 2 {
		t.Errorf("there are %d files: where is the database's log?", stored)
	}
	for what, canary := range canaries {
		for place, text := range places {
			if strings.Contains(strings.ToLower(text), strings.ToLower(canary)) {
				t.Errorf("the %s is in %s", what, place)
			}
		}
	}
}
