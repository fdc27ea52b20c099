package oidc

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"github.com/picloud/picloud/internal/testenv"
)

const (
	password     = "correct horse battery staple"
	clientSecret = "a secret & of the client"
)

// people are the accounts of the provider. All have the same password there.
const people = `{
	"id-ada":     {"ID": "id-ada", "Username": "ada", "Password": "idp", "FirstName": "Ada", "Email": "ada@example.com", "EmailVerified": true},
	"id-bob":     {"ID": "id-bob", "Username": "bob", "Password": "idp", "FirstName": "Bob", "Email": "bob@example.org", "EmailVerified": true},
	"id-mallory": {"ID": "id-mallory", "Username": "mallory", "Password": "idp", "FirstName": "M", "Email": "ada@example.com", "EmailVerified": false},
	"id-carl":    {"ID": "id-carl", "Username": "carl", "Password": "idp", "FirstName": "Carl", "Email": "carl@example.net", "EmailVerified": true}
}`

// start starts a provider and a PiCloud that trusts it, and is the address of
// the admin listener by its name. PiCloud goes first: it does not need the
// provider until somebody signs in.
func start(t *testing.T) (admin string, log func() string) {
	t.Helper()
	dir := t.TempDir()
	if err := testenv.Build(dir, "picloud"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	issuer := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	ready := filepath.Join(dir, "ready.json")
	cmd := exec.Command(filepath.Join(dir, "picloud"), "serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0",
		"--admin-listen", "127.0.0.1:0", "--ready-file", ready, "--oidc-issuer", issuer, "--oidc-client-id", "picloud", "--oidc-name", "Example ID", "--oidc-invite", "example.org")
	cmd.Env = append(os.Environ(), "PICLOUD_OIDC_CLIENT_SECRET="+clientSecret,
		"PICLOUD_OWNER_USERNAME=ada", "PICLOUD_OWNER_EMAIL=ada@example.com", "PICLOUD_OWNER_PASSWORD="+password)
	p := testenv.Start(t, cmd)
	var addresses struct{ Admin string }
	testenv.Eventually(t, "the server writes its ready file", func() bool {
		text, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(text, &addresses) == nil
	})
	u, err := url.Parse(addresses.Admin)
	if err != nil {
		t.Fatal(err)
	}
	admin = "http://localhost:" + u.Port()
	serveProvider(t, l, issuer, admin)
	return admin, p.Output
}

func serveProvider(t *testing.T, l net.Listener, issuer, admin string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "people.json")
	if err := os.WriteFile(file, []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	users, err := storage.StoreFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	storage.RegisterClients(storage.WebClient("picloud", clientSecret, admin+"/login/oidc/callback"))
	srv := &http.Server{Handler: exampleop.SetupServer(issuer, storage.NewStorage(users), nil, false)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); err != http.ErrServerClosed {
			t.Errorf("the provider ended with %v", err)
		}
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
}

// browser is somebody's. It keeps Secure cookies of localhost, as browsers do
// and Go's jar does not, and follows redirects.
type browser struct {
	*testing.T
	jar map[string]map[string]string // by host
}

func newBrowser(t *testing.T) *browser { return &browser{t, map[string]map[string]string{}} }

// visit goes to an address, with a form posts it, and on to where that leads.
func (b *browser) visit(address string, form url.Values) (final *url.URL, status int, page string) {
	b.Helper()
	for range 10 {
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if form != nil {
			req, err = http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
		}
		if err != nil {
			b.Fatal(err)
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
		}
		for name, value := range b.jar[req.URL.Host] {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		b.keep(req.URL.Host, resp.Cookies())
		next := resp.Header.Get("Location")
		if next == "" {
			return req.URL, resp.StatusCode, string(body)
		}
		to, err := req.URL.Parse(next)
		if err != nil {
			b.Fatal(err)
		}
		address, form = to.String(), nil
	}
	b.Fatal("redirects without end")
	return nil, 0, ""
}

func (b *browser) keep(host string, cookies []*http.Cookie) {
	if b.jar[host] == nil {
		b.jar[host] = map[string]string{}
	}
	for _, c := range cookies {
		if b.jar[host][c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.jar[host], c.Name)
		}
	}
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// signIn is a whole round trip for somebody of the provider.
func (b *browser) signIn(admin, who string) (final *url.URL, status int, page string) {
	b.Helper()
	at, _, page := b.visit(admin+"/login/oidc", nil)
	found := requestID.FindStringSubmatch(page)
	if found == nil || at.Path != "/login/username" {
		b.Fatalf("at %s there is no form: %s", at, page)
	}
	return b.visit(at.Scheme+"://"+at.Host+"/login/username", url.Values{"id": {found[1]}, "username": {who}, "password": {"idp"}})
}

func TestSigningInWithAProvider(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped under -short: it drives the built binary")
	}
	admin, log := start(t)
	host := strings.TrimPrefix(admin, "http://")
	if _, _, page := newBrowser(t).visit(admin+"/sign-in", nil); !strings.Contains(page, "Sign in with Example ID") {
		t.Errorf("the page does not offer the provider: %s", page)
	}
	for _, c := range []struct{ who, user, role, refusal string }{
		{who: "mallory", refusal: "does not vouch for your e-mail address"},
		{who: "ada", user: "ada", role: "owner"},
		{who: "mallory", refusal: "does not vouch for your e-mail address"},
		{who: "bob", user: "bob", role: "member"},
		{who: "bob", user: "bob", role: "member"},
		{who: "carl", refusal: "There is no account for you here"},
	} {
		b := newBrowser(t)
		at, status, page := b.signIn(admin, c.who)
		if at.Path != "/login/oidc/callback" {
			t.Fatalf("%s ends at %s: %s", c.who, at, page)
		}
		if c.refusal != "" {
			if status != http.StatusForbidden || !strings.Contains(page, c.refusal) || b.jar[host]["__Host-picloud"] != "" {
				t.Errorf("%s: status %d: %s", c.who, status, page)
			}
			continue
		}
		if status != http.StatusOK || b.jar[host]["__Host-picloud"] == "" {
			t.Errorf("%s: status %d, cookies %v: %s", c.who, status, b.jar[host], page)
		}
		if _, _, me := b.visit(admin+"/api/v1/me", nil); !strings.Contains(me, `"username":"`+c.user+`"`) || !strings.Contains(me, `"role":"`+c.role+`"`) {
			t.Errorf("%s is %s", c.who, me)
		}
		// The same way back, again: the state is used up.
		if _, status, _ := b.visit(at.String(), nil); status != http.StatusUnauthorized {
			t.Errorf("%s comes back twice: status %d", c.who, status)
		}
	}
	// What one browser began, another one cannot end.
	b, other := newBrowser(t), newBrowser(t)
	at, _, page := b.visit(admin+"/login/oidc", nil)
	other.visit(at.Scheme+"://"+at.Host+"/login/username", url.Values{"id": {requestID.FindStringSubmatch(page)[1]}, "username": {"ada"}, "password": {"idp"}})
	if other.jar[host]["__Host-picloud"] != "" {
		t.Error("another browser was signed in")
	}
	for _, secret := range []string{clientSecret, password, b.jar[host]["__Host-picloud-oidc"], "eyJ"} {
		if strings.Contains(log(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log(), "login-oidc") {
		t.Error("signing in is not written down")
	}
}
