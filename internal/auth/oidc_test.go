package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/picloud/picloud/internal/picloud"
)

// fakeProvider is an OpenID provider that can be made to lie. One that does
// not is used by the tests in bench/oidc.
type fakeProvider struct {
	*testing.T
	server *httptest.Server
	key    *rsa.PrivateKey
	now    func() time.Time
	hits   int // of discovery

	mu     sync.Mutex
	issued int            // codes
	claims map[string]any // of the next token, over the right ones
	signer *rsa.PrivateKey
	codes  map[string]url.Values // what the authorization was asked for, by code
	extra  map[string]any        // of the discovery document
	info   map[string]any        // of the user info
}

func newFakeProvider(t *testing.T, now func() time.Time) *fakeProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &fakeProvider{T: t, key: key, signer: key, now: now, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) { p.json(w, p.info) })
	mux.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) })
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *fakeProvider) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.Error(err)
	}
}

func (p *fakeProvider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hits++
	doc := map[string]any{
		"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/auth", "token_endpoint": p.server.URL + "/token",
		"jwks_uri": p.server.URL + "/keys", "userinfo_endpoint": p.server.URL + "/info", "id_token_signing_alg_values_supported": []string{"RS256"},
	}
	maps.Copy(doc, p.extra)
	p.json(w, doc)
}

// authorize is what a browser's visit leads to: a code.
func (p *fakeProvider) authorize(address string) (code, state string) {
	p.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.Fatal(err)
	}
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("redirect_uri") != "https://"+testHost+ProviderCallback {
		p.Errorf("asked for %v", q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.issued++
	code = fmt.Sprint("code", p.issued)
	p.codes[code] = q
	return code, q.Get("state")
}

// token answers a code once, to who has the verifier of its challenge.
func (p *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	if !ok || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || id != "picloud" || secret != "client-secret" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		p.json(w, map[string]string{"error": "invalid_grant"})
		return
	}
	now := p.now()
	claims := map[string]any{
		"iss": p.server.URL, "sub": "subject-7", "aud": "picloud", "nonce": asked.Get("nonce"),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "email": "ada@example.org", "email_verified": true,
	}
	for name, v := range p.claims {
		if v == nil {
			delete(claims, name)
		} else {
			claims[name] = v
		}
	}
	p.json(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": p.sign(claims)})
}

func (p *fakeProvider) sign(claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: p.signer}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		p.Error(err)
		return ""
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.Error(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.Error(err)
		return ""
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.Error(err)
	}
	return text
}

// withProvider is a house whose people sign in with a provider.
func withProvider(t *testing.T, change func(*OIDC)) (*house, *fakeProvider) {
	h := withOwner(t)
	p := newFakeProvider(t, h.clock.Now)
	cfg := OIDC{Issuer: p.server.URL, ClientID: "picloud", ClientSecret: "client-secret", Name: "Test ID"}
	if change != nil {
		change(&cfg)
	}
	h.log = slog.New(slog.DiscardHandler)
	var err error
	h.provider, err = newProvider(cfg, &url.URL{Scheme: "https", Host: testHost}, h.clock.Now)
	h.ok(err)
	return h, p
}

// travel is a whole round trip of one browser.
func (h *house) travel(p *fakeProvider) (Arrival, error) {
	h.Helper()
	d, err := h.BeginProvider(here)
	h.ok(err)
	code, state := p.authorize(d.URL)
	return h.FinishProvider(h.ctx, Return{State: state, Cookie: d.State, Code: code}, here)
}

func TestAProviderSignsIn(t *testing.T) {
	h, p := withProvider(t, nil)
	if p.hits != 0 {
		t.Error("the provider is asked before somebody signs in")
	}
	a, err := h.travel(p)
	h.ok(err)
	if !a.Linked || a.Invited || a.User.Username != "ada" || a.Token == "" {
		t.Errorf("arrived %+v", a)
	}
	if who, err := h.Authenticate(h.ctx, a.Token); err != nil || who.User.Username != "ada" {
		t.Errorf("signed in as %+v, %v", who, err)
	}
	// Now the subject counts, whatever the address.
	p.claims = map[string]any{"email": "other@example.org", "email_verified": false}
	a, err = h.travel(p)
	h.ok(err)
	if a.Linked || a.User.Username != "ada" {
		t.Errorf("arrived %+v", a)
	}
	if p.hits != 1 {
		t.Errorf("the provider was looked up %d times", p.hits)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	h, p := withProvider(t, nil)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	h.ok(err)
	for name, claims := range map[string]map[string]any{
		"another nonce":              {"nonce": "other"},
		"no nonce":                   {"nonce": nil},
		"another audience":           {"aud": "somebody else"},
		"two, and another party":     {"aud": []string{"picloud", "other"}, "azp": "other"},
		"two, and nobody's":          {"aud": []string{"picloud", "other"}},
		"one, and another party":     {"azp": "other"},
		"another issuer":             {"iss": "https://evil.example"},
		"expired":                    {"exp": h.clock.Now().Add(-time.Minute).Unix()},
		"no expiry":                  {"exp": nil},
		"another key":                {"sub": "forged"},
		"an address as a claim only": {"email_verified": false},
		"no word on the address":     {"email_verified": nil},
		"a number as the word":       {"email_verified": 1},
		"somebody unknown":           {"email": "nobody@example.org"},
	} {
		want := picloud.CodeInvalidCredentials
		switch name {
		case "an address as a claim only", "no word on the address", "a number as the word", "somebody unknown":
			want = picloud.CodeForbidden
		case "another key":
			p.signer = other
		}
		p.claims = claims
		a, err := h.travel(p)
		if !picloud.IsCode(err, want) || a.Token != "" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
		p.signer = p.key
	}
	if list, err := h.store.ListIdentities(h.ctx, h.principal().User.ID); err != nil || len(list) != 0 {
		t.Errorf("linked to %+v, %v", list, err)
	}
}

func TestReturnsThatAreRefused(t *testing.T) {
	h, p := withProvider(t, nil)
	begin := func() (Departure, Return) {
		d, err := h.BeginProvider(here)
		h.ok(err)
		code, state := p.authorize(d.URL)
		return d, Return{State: state, Cookie: d.State, Code: code}
	}
	_, mine := begin()
	_, theirs := begin()
	for name, in := range map[string]Return{
		"no cookie":            {State: mine.State, Code: mine.Code},
		"another's cookie":     {State: mine.State, Cookie: theirs.Cookie, Code: mine.Code},
		"another's state":      {State: theirs.State, Cookie: mine.Cookie, Code: theirs.Code},
		"no state":             {Code: mine.Code},
		"a made-up state":      {State: challengePrefix + strings.Repeat("A", 43), Cookie: challengePrefix + strings.Repeat("A", 43), Code: mine.Code},
		"a second factor's":    {State: h.beginPasskeyState(), Cookie: "", Code: mine.Code},
		"a session, as if one": {State: h.signIn().Token, Cookie: h.signIn().Token, Code: mine.Code},
	} {
		_, err := h.FinishProvider(h.ctx, in, here)
		if !picloud.IsCode(err, picloud.CodeUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := h.FinishProvider(h.ctx, mine, here)
	h.ok(err)
	_, err = h.FinishProvider(h.ctx, mine, here)
	h.wantCode(err, picloud.CodeUnauthenticated)

	_, late := begin()
	h.clock.Add(ChallengeTTL)
	_, err = h.FinishProvider(h.ctx, late, here)
	h.wantCode(err, picloud.CodeUnauthenticated)

	// A code that was stolen is worth nothing without the verifier.
	_, victim := begin()
	_, thief := begin()
	thief.Code = victim.Code
	_, err = h.FinishProvider(h.ctx, thief, here)
	h.wantCode(err, picloud.CodeInvalidCredentials)

	_, refused := begin()
	refused.Code, refused.Error = "", "access_denied"
	_, err = h.FinishProvider(h.ctx, refused, here)
	h.wantCode(err, picloud.CodeForbidden)
}

func (h *house) beginPasskeyState() string { return h.beginPasskey("").Token }

// Whoever gives their account the address of somebody else must not get that
// one's sign-in.
func TestAnAccountCannotLieInWait(t *testing.T) {
	h, p := withProvider(t, nil)
	eve, err := h.store.CreateUser(h.ctx, "", picloud.NewUser{Username: "eve", Email: "eve@example.org", Role: picloud.RoleMember})
	h.ok(err)
	h.ok(h.store.ChooseEmail(h.ctx, eve.ID, "victim@example.org"))
	p.claims = map[string]any{"sub": "victim", "email": "victim@example.org"}
	_, err = h.travel(p)
	h.wantCode(err, picloud.CodeConflict)
	if list, err := h.store.ListIdentities(h.ctx, eve.ID); err != nil || len(list) != 0 {
		t.Errorf("linked to %+v, %v", list, err)
	}
}

func TestLinkingBySignIn(t *testing.T) {
	h, p := withProvider(t, nil)
	me := h.principal()
	_, err := h.BeginLink(h.ctx, me, Proof{Password: "wrong", Address: "::1"})
	h.wantCode(err, picloud.CodeInvalidCredentials)
	d, err := h.BeginLink(h.ctx, me, h.proof(""))
	h.ok(err)
	p.claims = map[string]any{"email": "elsewhere@example.net", "email_verified": false}
	code, state := p.authorize(d.URL)
	a, err := h.FinishProvider(h.ctx, Return{State: state, Cookie: d.State, Code: code}, here)
	h.ok(err)
	if !a.Linked || a.Token != "" || a.User.ID != me.User.ID {
		t.Errorf("arrived %+v", a)
	}
	a, err = h.travel(p)
	h.ok(err)
	if a.User.ID != me.User.ID || a.Token == "" {
		t.Errorf("arrived %+v", a)
	}
	list, err := h.Identities(h.ctx, me)
	if err != nil || len(list) != 1 {
		t.Fatalf("identities %+v, %v", list, err)
	}
	h.ok(h.Unlink(h.ctx, me, list[0].Issuer, list[0].Subject, h.proof("")))
	_, err = h.travel(p)
	h.wantCode(err, picloud.CodeForbidden)
}

func TestInvitations(t *testing.T) {
	h, p := withProvider(t, func(c *OIDC) { c.Invite = []string{"Example.com"} })
	p.claims = map[string]any{"sub": "1", "email": "bob@example.net"}
	_, err := h.travel(p)
	h.wantCode(err, picloud.CodeForbidden)
	p.claims = map[string]any{"sub": "2", "email": "bob@example.com", "email_verified": false}
	_, err = h.travel(p)
	h.wantCode(err, picloud.CodeForbidden)
	p.claims = map[string]any{"sub": "3", "email": "Bob@example.com", "preferred_username": "Ada"}
	a, err := h.travel(p)
	h.ok(err)
	if !a.Invited || a.User.Username != "ada-2" || a.User.Role != picloud.RoleMember || a.User.Email != "bob@example.com" || a.Token == "" {
		t.Errorf("arrived %+v", a)
	}
	// There is no password that would sign them in.
	for _, guess := range []string{"", "a guess"} {
		_, err = h.login("ada-2", guess, "::1")
		h.wantCode(err, picloud.CodeInvalidCredentials)
	}
	// What takes a password takes a new session from who has none.
	who, err := h.Authenticate(h.ctx, a.Token)
	h.ok(err)
	_, err = h.EnrolTOTP(h.ctx, who, "PiCloud", Proof{Address: "::1"})
	h.ok(err)
	h.clock.Add(freshSession + time.Second)
	_, err = h.EnrolTOTP(h.ctx, who, "PiCloud", Proof{Address: "::1"})
	h.wantCode(err, picloud.CodeForbidden)
}

func TestRolesFromTheProvider(t *testing.T) {
	roles := func(c *OIDC) {
		c.Invite, c.RoleClaim, c.Roles = []string{"*"}, "realm.groups", map[string]picloud.Role{"staff": picloud.RoleAdmin, "guests": picloud.RoleMember}
	}
	h, p := withProvider(t, roles)
	in := func(groups any) Arrival {
		t.Helper()
		p.claims = map[string]any{"sub": "bob", "email": "bob@example.com", "realm": map[string]any{"groups": groups}}
		a, err := h.travel(p)
		h.ok(err)
		return a
	}
	if a := in([]string{"guests", "staff"}); a.User.Role != picloud.RoleAdmin || a.WasRole != picloud.RoleMember {
		t.Errorf("arrived %+v", a)
	}
	if a := in("guests"); a.User.Role != picloud.RoleMember || a.WasRole != picloud.RoleAdmin {
		t.Errorf("arrived %+v", a)
	}
	if a := in([]any{7, "owner"}); a.User.Role != picloud.RoleMember {
		t.Errorf("arrived %+v", a)
	}
	p.claims = map[string]any{"realm": map[string]any{"groups": []string{"guests"}}}
	a, err := h.travel(p)
	h.ok(err)
	if a.User.Role != picloud.RoleOwner {
		t.Errorf("the provider unmade an owner: %+v", a)
	}
}

func TestAProviderIsNoSecondFactor(t *testing.T) {
	h, p := withProvider(t, nil)
	_, codes := h.enrol()
	a, err := h.travel(p)
	h.ok(err)
	if a.Token != "" || a.Challenge == nil {
		t.Fatalf("arrived %+v", a)
	}
	h.ok(h.loginCode(a.Challenge.Token, codes[0]))
}

func TestADeactivatedUserIsNotSignedIn(t *testing.T) {
	h, p := withProvider(t, nil)
	bob, err := h.store.CreateUser(h.ctx, "", picloud.NewUser{Username: "bob", Email: "bob@example.org", Role: picloud.RoleMember})
	h.ok(err)
	p.claims = map[string]any{"sub": "bob", "email": "bob@example.org"}
	_, err = h.travel(p)
	h.ok(err)
	off := false
	_, _, err = h.store.ChangeUser(h.ctx, "", bob.ID, picloud.UserChange{Active: &off})
	h.ok(err)
	_, err = h.travel(p)
	h.wantCode(err, picloud.CodeForbidden)
}

func TestTheAddressMayBeInTheUserInfo(t *testing.T) {
	h, p := withProvider(t, nil)
	p.claims = map[string]any{"email": nil, "email_verified": nil}
	p.info = map[string]any{"sub": "somebody else", "email": "ada@example.org", "email_verified": true}
	_, err := h.travel(p)
	h.wantCode(err, picloud.CodeInvalidCredentials)
	p.info["sub"] = "subject-7"
	a, err := h.travel(p)
	h.ok(err)
	if a.User.Username != "ada" {
		t.Errorf("arrived %+v", a)
	}
}

// A provider that names addresses inside makes nobody knock there.
func TestAProviderCannotPointInside(t *testing.T) {
	for name, extra := range map[string]map[string]any{
		"keys on another port, in the clear": {"jwks_uri": "http://127.0.0.1:1/keys"},
		"keys inside":                        {"jwks_uri": "https://10.0.0.1/keys"},
		"keys at the cloud's own":            {"jwks_uri": "https://169.254.169.254/latest"},
		"keys by a redirect":                 {"jwks_uri": "/elsewhere"},
		"tokens inside":                      {"token_endpoint": "https://192.168.0.1/token"},
		"another issuer":                     {"issuer": "https://evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			h, p := withProvider(t, nil)
			if extra["jwks_uri"] == "/elsewhere" {
				extra["jwks_uri"] = p.server.URL + "/elsewhere"
			}
			p.extra = extra
			d, err := h.BeginProvider(here)
			if err == nil {
				code, state := p.authorize(d.URL)
				_, err = h.FinishProvider(h.ctx, Return{State: state, Cookie: d.State, Code: code}, here)
			}
			if !picloud.IsCode(err, picloud.CodeInvalidCredentials) && !picloud.IsCode(err, picloud.CodeUnavailable) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestProviderThatIsAway(t *testing.T) {
	h, p := withProvider(t, nil)
	p.server.Close()
	for range 2 {
		_, err := h.BeginProvider(here)
		h.wantCode(err, picloud.CodeUnavailable)
	}
	h.clock.Add(retryDiscovery)
	l, err := net.Listen("tcp", strings.TrimPrefix(p.server.URL, "http://")) // it comes back at its address
	if err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	back := &httptest.Server{Listener: l, Config: &http.Server{Handler: p.server.Config.Handler}}
	back.Start()
	defer back.Close()
	_, err = h.BeginProvider(here)
	h.ok(err)
}

func TestProvidersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	good := OIDC{Issuer: "https://id.example.org", ClientID: "picloud"}
	for name, change := range map[string]func(*OIDC){
		"no issuer": func(c *OIDC) { c.Issuer = "" }, "in the clear": func(c *OIDC) { c.Issuer = "http://id.example.org" },
		"no client": func(c *OIDC) { c.ClientID = "" }, "a claim alone": func(c *OIDC) { c.RoleClaim = "groups" },
		"owners": func(c *OIDC) { c.RoleClaim, c.Roles = "groups", map[string]picloud.Role{"root": picloud.RoleOwner} },
	} {
		c := good
		change(&c)
		if _, err := newProvider(c, &url.URL{Scheme: "https", Host: testHost}, time.Now); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if p, err := newProvider(good, &url.URL{Scheme: "https", Host: testHost}, time.Now); err != nil || p.cfg.Name != "id.example.org" {
		t.Errorf("%v, %v", p, err)
	}
}
