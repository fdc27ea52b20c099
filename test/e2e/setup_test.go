package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

var setupLink = regexp.MustCompile(`http://\S+/setup\?token=[A-Za-z0-9_-]+`)

func TestOwnerIsMadeWithTheSetupLink(t *testing.T) {
	t.Parallel()
	s := startBareServer(t)

	t.Run("nothing else answers before", func(t *testing.T) {
		for _, path := range []string{"/", "/api/v1/apps", "/api/v1/me", "/api/openapi.json"} {
			if a := do(t, http.MethodGet, s.admin+path, ""); a.status != 403 || a.problem() != "setup_required" {
				t.Errorf("GET %s = %s, want 403 setup_required", path, a)
			}
		}
		if a := do(t, http.MethodPost, s.admin+"/api/v1/login", `{"login":"ada","password":"x"}`, header("Content-Type", "application/json")); a.status != 403 {
			t.Errorf("POST /api/v1/login = %s, want 403", a)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if a := do(t, http.MethodGet, s.admin+path, ""); a.status != 200 {
				t.Errorf("GET %s = %s, want 200", path, a)
			}
		}
	})

	testenv.Eventually(t, "the server prints its setup link", func() bool { return setupLink.MatchString(s.Output()) })
	link, err := url.Parse(setupLink.FindString(s.Output()))
	if err != nil {
		t.Fatal(err)
	}
	if "http://"+link.Host != s.admin {
		t.Errorf("the setup link leads to %s, the admin listener is %s", link.Host, s.admin)
	}
	token := link.Query().Get("token")

	t.Run("a wrong token does nothing", func(t *testing.T) {
		body, _ := json.Marshal(map[string]string{"token": "picu_" + strings.Repeat("a", 43), "username": "eve", "email": "eve@example.com", "password": ownerPassword})
		if a := do(t, http.MethodPost, s.admin+"/api/v1/setup", string(body), header("Content-Type", "application/json")); a.status != 401 {
			t.Errorf("setup with a wrong token = %s, want 401", a)
		}
	})

	form := url.Values{"token": {token}, "username": {ownerName}, "email": {ownerEmail}, "password": {ownerPassword}, "repeat": {ownerPassword}}
	submit := func() answer {
		return do(t, http.MethodPost, s.admin+"/setup", form.Encode(), header("Content-Type", "application/x-www-form-urlencoded"))
	}
	if a := do(t, http.MethodGet, link.String(), ""); a.status != 200 || !strings.Contains(a.body, "<form") {
		t.Fatalf("GET the setup link = %s, want a form", a)
	}
	if a := submit(); a.status != 201 {
		t.Fatalf("submitting the setup form = %s, want 201", a)
	}
	if a := submit(); a.status != 409 {
		t.Errorf("submitting the setup form again = %s, want 409", a)
	}
	u := signIn(t, s)
	u.deploy("hello", `"Hello"`)
	if a := do(t, http.MethodGet, s.public+"/hello", ""); a.status != 200 || a.body != "Hello" {
		t.Errorf("GET /hello = %s", a)
	}

	s.stop()
	s.start()
	if setupLink.MatchString(s.Output()) {
		t.Error("the server prints a setup link although it has an owner")
	}
}

func TestOwnerIsMadeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	if setupLink.MatchString(s.Output()) {
		t.Error("the server prints a setup link although the environment named an owner")
	}
	if strings.Contains(s.Output(), ownerPassword) {
		t.Error("the server prints the owner's password")
	}
	u := newUser(t)
	r := u.try("wrong password\n", "login", s.admin, "--username", ownerName, "--password-stdin")
	if r.code != refused {
		t.Errorf("login with a wrong password: exit status %d, want %d\n%s", r.code, refused, r.stderr)
	}
	u.fails(refused, []string{"list"}, "sign in")
	u.login(s, ownerName, ownerPassword)
	u.run("list")

	// A second start with the same environment finds the owner there.
	s.stop()
	s.start()
	signIn(t, s)
}

func TestTheAdminListenerIsShutToStrangers(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, c := range []struct{ method, path string }{
		{"GET", "/api/v1/me"}, {"GET", "/api/v1/apps"}, {"POST", "/api/v1/apps"},
		{"GET", "/api/v1/apps/default/scripts"}, {"POST", "/api/v1/apps/default/deployments"},
		{"GET", "/api/v1/apps/default/logs"}, {"POST", "/api/v1/check"},
	} {
		a := do(t, c.method, s.admin+c.path, "{}", header("Content-Type", "application/json"))
		if a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s = %s, want 401 with WWW-Authenticate", c.method, c.path, a)
		}
		// The public listener knows nothing of the API, whoever asks.
		if a := do(t, c.method, s.public+c.path, "{}"); a.status != 404 {
			t.Errorf("%s %s on the public listener = %s, want 404", c.method, c.path, a)
		}
	}
}
