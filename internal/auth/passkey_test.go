package auth

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/picloud/picloud/internal/picloud"
)

// device is somebody's authenticator, with one credential.
type device struct {
	h    *house
	rp   virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

func newDevice(h *house) *device {
	return &device{
		h:    h,
		rp:   virtualwebauthn.RelyingParty{Name: "PiCloud", ID: testHost, Origin: "https://" + testHost},
		auth: virtualwebauthn.NewAuthenticator(),
		key:  virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2),
	}
}

// create answers the options of a registration.
func (d *device) create(c Ceremony) []byte {
	d.h.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	d.h.ok(err)
	d.auth.Options.UserHandle = []byte(options.UserID)
	d.auth.AddCredential(d.key)
	return []byte(virtualwebauthn.CreateAttestationResponse(d.rp, d.auth, d.key, *options))
}

// show answers the options of a sign-in.
func (d *device) show(c Ceremony) []byte {
	d.h.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	d.h.ok(err)
	d.key.Counter++
	return []byte(virtualwebauthn.CreateAssertionResponse(d.rp, d.auth, d.key, *options))
}

// register makes it a passkey of the principal.
func (d *device) register(p picloud.Principal, proof Proof) (picloud.Passkey, []string) {
	d.h.Helper()
	c, err := d.h.BeginPasskey(d.h.ctx, p, proof)
	d.h.ok(err)
	key, recovery, err := d.h.FinishPasskey(d.h.ctx, p, c.Token, "laptop", d.create(c))
	d.h.ok(err)
	return key, recovery
}

func (h *house) beginPasskey(second string) Ceremony {
	h.Helper()
	c, err := h.BeginPasskeyLogin(h.ctx, second, here)
	h.ok(err)
	return c
}

func TestAPasskeySignsInAlone(t *testing.T) {
	h := withOwner(t)
	p := h.principal()
	_, err := h.BeginPasskey(h.ctx, p, Proof{Password: "wrong", Address: "::1"})
	h.wantCode(err, picloud.CodeInvalidCredentials)
	d := newDevice(h)
	key, recovery := d.register(p, h.proof(""))
	if key.Name != "laptop" || key.RPID != testHost || len(recovery) != recoveryCodes {
		t.Errorf("passkey %+v, recovery codes %q", key, recovery)
	}
	c := h.beginPasskey("")
	answer := d.show(c)
	in, err := h.FinishPasskeyLogin(h.ctx, c.Token, answer, here)
	h.ok(err)
	if who, err := h.Authenticate(h.ctx, in.Token); err != nil || who.User.Username != "ada" {
		t.Errorf("signed in as %+v, %v", who, err)
	}
	_, err = h.FinishPasskeyLogin(h.ctx, c.Token, answer, here)
	h.wantCode(err, picloud.CodeUnauthenticated) // replayed
	list, err := h.Passkeys(h.ctx, p)
	if err != nil || len(list) != 1 || list[0].LastUsedAt.IsZero() {
		t.Errorf("passkeys %+v, %v", list, err)
	}
}

func TestAPasskeyIsASecondFactor(t *testing.T) {
	h := withOwner(t)
	d := newDevice(h)
	_, recovery := d.register(h.principal(), h.proof(""))
	in, err := h.login("ada", goodPassword, "192.0.2.1")
	h.ok(err)
	if in.Challenge == nil || !slices.Equal(in.Challenge.Methods, []Method{MethodPasskey, MethodRecovery}) {
		t.Fatalf("signed in %+v", in)
	}
	c := h.beginPasskey(in.Challenge.Token)
	h.wantCode(h.loginCode(in.Challenge.Token, recovery[0]), picloud.CodeUnauthenticated) // the new one took its place
	if _, err := h.FinishPasskeyLogin(h.ctx, c.Token, d.show(c), here); err != nil {
		t.Errorf("with the passkey: %v", err)
	}
	c = h.beginPasskey(h.challengeOf("192.0.2.1"))
	h.ok(h.loginCode(c.Token, recovery[0])) // one can change one's mind
}

func TestPasskeysThatAreRefused(t *testing.T) {
	h := withOwner(t)
	d := newDevice(h)
	d.register(h.principal(), h.proof(""))
	d.key.Counter = 10
	for name, spoil := range map[string]func(*device){
		"another key":         func(d *device) { d.key.Key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2).Key },
		"an unknown key":      func(d *device) { d.key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2) },
		"another origin":      func(d *device) { d.rp.Origin = "https://evil.example" },
		"http":                func(d *device) { d.rp.Origin = "http://" + testHost },
		"another host":        func(d *device) { d.rp.ID = "example.org" },
		"an unverified user":  func(d *device) { d.auth.Options.UserNotVerified = true },
		"somebody else's":     func(d *device) { d.auth.Options.UserHandle = []byte(h.ids.New()) },
		"a counter gone back": func(d *device) { d.key.Counter = 0 },
		"no user handle":      func(d *device) { d.auth.Options.UserHandle = nil },
	} {
		bad := *d
		good := h.beginPasskey("")
		if _, err := h.FinishPasskeyLogin(h.ctx, good.Token, bad.show(good), here); err != nil {
			t.Fatalf("before %s: %v", name, err)
		}
		d.key.Counter = bad.key.Counter
		spoil(&bad)
		c := h.beginPasskey("")
		_, err := h.FinishPasskeyLogin(h.ctx, c.Token, bad.show(c), here)
		if !picloud.IsCode(err, picloud.CodeInvalidCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An answer to another challenge.
	a, b := h.beginPasskey(""), h.beginPasskey("")
	_, err := h.FinishPasskeyLogin(h.ctx, a.Token, d.show(b), here)
	h.wantCode(err, picloud.CodeInvalidCredentials)
	for _, junk := range []string{"", "{}", "null", `{"id":"x","response":{}}`, strings.Repeat("[", 100)} {
		_, err := h.FinishPasskeyLogin(h.ctx, h.beginPasskey("").Token, []byte(junk), here)
		h.wantCode(err, picloud.CodeInvalidCredentials)
	}
}

func TestRegistrationIsTheUsersOwn(t *testing.T) {
	h := withOwner(t)
	p := h.principal()
	d := newDevice(h)
	c, err := h.BeginPasskey(h.ctx, p, h.proof(""))
	h.ok(err)
	answer := d.create(c)
	stranger := p
	stranger.User.ID = h.ids.New()
	_, _, err = h.FinishPasskey(h.ctx, stranger, c.Token, "mine", answer)
	h.wantCode(err, picloud.CodeUnauthenticated)
	_, _, err = h.FinishPasskey(h.ctx, p, h.beginPasskey("").Token, "x", answer)
	h.wantCode(err, picloud.CodeUnauthenticated)
	for _, name := range []string{"", " ", strings.Repeat("x", maxPasskeyName+1), "a\x1b[0m"} {
		_, _, err = h.FinishPasskey(h.ctx, p, c.Token, name, answer)
		h.wantCode(err, picloud.CodeInvalid)
	}
	_, _, err = h.FinishPasskey(h.ctx, p, c.Token, "x", []byte("{}"))
	h.wantCode(err, picloud.CodeInvalidCredentials)
	key, recovery, err := h.FinishPasskey(h.ctx, p, c.Token, "laptop", answer)
	h.ok(err)
	_, _, err = h.FinishPasskey(h.ctx, p, c.Token, "again", answer)
	h.wantCode(err, picloud.CodeUnauthenticated)

	h.ok(h.RenamePasskey(h.ctx, p, key.ID, " at work "))
	h.wantCode(h.RenamePasskey(h.ctx, stranger, key.ID, "mine"), picloud.CodeNotFound)
	h.wantCode(h.DeletePasskey(h.ctx, p, key.ID, h.proof("")), picloud.CodeInvalid)
	h.ok(h.DeletePasskey(h.ctx, p, key.ID, h.proof(recovery[0])))
	if in := h.mustLogin(); in.Challenge != nil {
		t.Error("the passkey is still asked for")
	}
}

func TestAPasskeyProvesInPlaceOfACode(t *testing.T) {
	h := withOwner(t)
	p := h.principal()
	_, err := h.BeginPasskeyProof(h.ctx, p, here)
	h.wantCode(err, picloud.CodeConflict) // none yet
	d := newDevice(h)
	key, _ := d.register(p, h.proof(""))
	c, err := h.BeginPasskeyProof(h.ctx, p, here)
	h.ok(err)
	answer := d.show(c)
	_, err = h.FinishPasskeyLogin(h.ctx, c.Token, answer, here)
	h.wantCode(err, picloud.CodeUnauthenticated) // it is no sign-in
	proof := h.proof("")
	proof.Passkey = &PasskeyProof{Challenge: c.Token, Response: answer}
	h.ok(h.DeletePasskey(h.ctx, p, key.ID, proof))
}

func TestWherePasskeysAreNot(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://pi.example.org": "", "https://pi.example.org:8443": "", "http://localhost:8081": "", "http://pi.localhost": "",
		"http://pi.example.org": "https only", "http://192.168.1.5:8081": "has none", "https://[2001:db8::1]": "has none", "": "host name",
	} {
		var u *url.URL
		if address != "" {
			var err error
			if u, err = url.Parse(address); err != nil {
				t.Fatal(err)
			}
		}
		_, err := newPasskeys(u)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !picloud.IsCode(err, picloud.CodeUnavailable)) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// The options of a sign-in do not say who has an account.
func TestPasskeyOptionsNameNobody(t *testing.T) {
	h := withOwner(t)
	newDevice(h).register(h.principal(), h.proof(""))
	var options struct {
		PublicKey struct {
			AllowCredentials []any  `json:"allowCredentials"`
			UserVerification string `json:"userVerification"`
		} `json:"publicKey"`
	}
	h.ok(json.Unmarshal(h.beginPasskey("").Options, &options))
	if len(options.PublicKey.AllowCredentials) != 0 || options.PublicKey.UserVerification != "required" {
		t.Errorf("options %+v", options)
	}
}
