package auth

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/seal"
)

// here is where tests sign in from.
var here = Client{Address: "192.0.2.1", UserAgent: "test"}

func (h *house) principal() picloud.Principal {
	h.Helper()
	p, err := h.Authenticate(h.ctx, h.signIn().Token)
	h.ok(err)
	return p
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// signIn opens a session without a question.
func (h *house) signIn() SignedIn {
	h.Helper()
	c, err := h.store.CredentialsOf(h.ctx, "ada")
	h.ok(err)
	in, err := h.open(h.ctx, c.User, here)
	h.ok(err)
	return in
}

func (h *house) proof(code string) Proof {
	return Proof{Password: goodPassword, Code: code, Address: "192.0.2.1"}
}

// code is what the app shows now.
func (h *house) code(secret string) string {
	h.Helper()
	code, err := totp.GenerateCode(secret, h.clock.Now())
	h.ok(err)
	return code
}

// enrol sets up an authenticator app, and moves the clock on to its next code.
func (h *house) enrol() (secret string, recovery []string) {
	h.Helper()
	p := h.principal()
	e, err := h.EnrolTOTP(h.ctx, p, "PiCloud", h.proof(""))
	h.ok(err)
	recovery, err = h.ConfirmTOTP(h.ctx, p, h.code(e.Secret))
	h.ok(err)
	h.clock.Add(totpPeriod)
	return e.Secret, recovery
}

// challengeOf signs in with the password and is the challenge.
func (h *house) challengeOf(address string) string {
	h.Helper()
	in, err := h.login("ada", goodPassword, address)
	h.ok(err)
	if in.Challenge == nil || in.Token != "" || in.Session.ID != "" {
		h.Fatalf("signed in %+v, want a challenge", in)
	}
	return in.Challenge.Token
}

func (h *house) loginCode(challenge, code string) error {
	in, err := h.LoginCode(h.ctx, challenge, code, here)
	if err == nil {
		_, err = h.Authenticate(h.ctx, in.Token)
	} else if in.Token != "" {
		h.Errorf("a token comes with %v", err)
	}
	return err
}

func TestAnAppIsAskedForOnceConfirmed(t *testing.T) {
	h := withOwner(t)
	p := h.principal()
	_, err := h.EnrolTOTP(h.ctx, p, "PiCloud", Proof{Password: "wrong", Address: "::1"})
	h.wantCode(err, picloud.CodeInvalidCredentials)
	first, err := h.EnrolTOTP(h.ctx, p, "PiCloud", h.proof(""))
	h.ok(err)
	e, err := h.EnrolTOTP(h.ctx, p, "My home", h.proof(""))
	h.ok(err)
	u, err := url.Parse(e.URI)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != e.Secret || u.Query().Get("issuer") != "My home" || u.Path != "/My home:ada" {
		t.Errorf("URI %s, %v", e.URI, err)
	}
	if in := h.mustLogin(); in.Challenge != nil {
		t.Error("an app that is not confirmed is asked for")
	}
	for _, wrong := range []string{"", "12345", "abcdef", h.code(first.Secret)} {
		_, err = h.ConfirmTOTP(h.ctx, p, wrong)
		h.wantCode(err, picloud.CodeInvalid)
	}
	codes, err := h.ConfirmTOTP(h.ctx, p, h.code(e.Secret))
	h.ok(err)
	if slices.Sort(codes); len(codes) != recoveryCodes || len(slices.Compact(codes)) != recoveryCodes || len(codes[0]) != 19 {
		t.Errorf("recovery codes %q", codes)
	}
	in, err := h.login("ada", goodPassword, "192.0.2.1")
	h.ok(err)
	if in.Challenge == nil || !slices.Equal(in.Challenge.Methods, []Method{MethodTOTP, MethodRecovery}) {
		t.Fatalf("signed in %+v", in)
	}
	_, err = h.EnrolTOTP(h.ctx, p, "PiCloud", h.proof(codes[0]))
	h.wantCode(err, picloud.CodeConflict)
}

func TestACodeSignsInOnce(t *testing.T) {
	h := withOwner(t)
	secret, _ := h.enrol()
	code := h.code(secret)
	h.wantCode(h.loginCode(h.challengeOf("192.0.2.1"), "000000"), picloud.CodeInvalidCredentials)
	h.ok(h.loginCode(h.challengeOf("192.0.2.1"), code[:3]+" "+code[3:]))
	h.wantCode(h.loginCode(h.challengeOf("192.0.2.1"), code), picloud.CodeInvalidCredentials)

	h.clock.Add(totpPeriod)
	late := h.code(secret)
	h.clock.Add(totpPeriod) // a phone that is a step behind
	h.ok(h.loginCode(h.challengeOf("192.0.2.1"), late))
	stale := h.code(secret)
	h.clock.Add(2 * totpPeriod)
	h.wantCode(h.loginCode(h.challengeOf("192.0.2.1"), stale), picloud.CodeInvalidCredentials)

	at := h.code(secret)
	challenges := make([]string, 8)
	for i := range challenges {
		challenges[i] = h.challengeOf(fmt.Sprint("10.0.0.", i))
	}
	var wg sync.WaitGroup
	results := make([]error, len(challenges))
	for i, c := range challenges {
		wg.Go(func() { _, results[i] = h.LoginCode(h.ctx, c, at, Client{Address: fmt.Sprint("10.0.0.", i)}) })
	}
	wg.Wait()
	good := 0
	for _, err := range results {
		if err == nil {
			good++
		}
	}
	if good != 1 {
		t.Errorf("one code signed in %d times: %v", good, results)
	}
}

func TestARecoveryCodeSignsInOnce(t *testing.T) {
	h := withOwner(t)
	_, codes := h.enrol()
	h.ok(h.loginCode(h.challengeOf("192.0.2.1"), strings.ToUpper(codes[3])))
	h.wantCode(h.loginCode(h.challengeOf("192.0.2.1"), codes[3]), picloud.CodeInvalidCredentials)
	h.ok(h.loginCode(h.challengeOf("192.0.2.1"), strings.ReplaceAll(codes[4], "-", "")))

	p := h.principal()
	_, err := h.RenewRecoveryCodes(h.ctx, p, h.proof("not a code"))
	h.wantCode(err, picloud.CodeInvalidCredentials)
	fresh, err := h.RenewRecoveryCodes(h.ctx, p, h.proof(codes[5]))
	h.ok(err)
	h.wantCode(h.loginCode(h.challengeOf("192.0.2.1"), codes[6]), picloud.CodeInvalidCredentials)
	h.ok(h.loginCode(h.challengeOf("192.0.2.1"), fresh[0]))
	f, err := h.Factors(h.ctx, p)
	if err != nil || f != (picloud.FactorSummary{TOTP: true, RecoveryCodes: recoveryCodes - 1}) {
		t.Errorf("factors %+v, %v", f, err)
	}
}

func TestDisablingTakesPasswordAndCode(t *testing.T) {
	h := withOwner(t)
	secret, codes := h.enrol()
	p := h.principal()
	h.wantCode(h.DisableTOTP(h.ctx, p, Proof{Code: h.code(secret)}), picloud.CodeInvalidCredentials)
	h.wantCode(h.DisableTOTP(h.ctx, p, h.proof("")), picloud.CodeInvalid)
	h.wantCode(h.DisableTOTP(h.ctx, p, h.proof("000000")), picloud.CodeInvalidCredentials)
	h.ok(h.DisableTOTP(h.ctx, p, h.proof(h.code(secret))))
	if in := h.mustLogin(); in.Challenge != nil {
		t.Error("a code is still asked for")
	}
	if f, err := h.Factors(h.ctx, p); err != nil || f != (picloud.FactorSummary{}) {
		t.Errorf("factors %+v, %v", f, err)
	}
	_, err := h.RenewRecoveryCodes(h.ctx, p, h.proof(codes[0]))
	h.wantCode(err, picloud.CodeConflict)
}

func TestAChallengeIsGoodForOneThing(t *testing.T) {
	h := withOwner(t)
	secret, codes := h.enrol()
	challenge := h.challengeOf("192.0.2.1")
	_, err := h.Authenticate(h.ctx, challenge)
	h.wantCode(err, picloud.CodeUnauthenticated)
	for _, wrong := range []string{"", "guess", challenge + "x", challenge[:len(challenge)-1] + "!", h.signIn().Token, challengePrefix + strings.Repeat("A", 43)} {
		h.wantCode(h.loginCode(wrong, h.code(secret)), picloud.CodeUnauthenticated)
	}
	h.ok(h.loginCode(challenge, h.code(secret)))
	h.wantCode(h.loginCode(challenge, codes[0]), picloud.CodeUnauthenticated) // used up

	challenge = h.challengeOf("192.0.2.1")
	h.clock.Add(ChallengeTTL)
	h.wantCode(h.loginCode(challenge, codes[0]), picloud.CodeUnauthenticated)

	// A stolen one is worth a few tries, wherever they come from.
	challenge = h.challengeOf("192.0.2.1")
	for i := range maxChallengeTries {
		_, err := h.LoginCode(h.ctx, challenge, "000000", Client{Address: fmt.Sprint("198.51.100.", i)})
		h.wantCode(err, picloud.CodeInvalidCredentials)
	}
	h.wantCode(h.loginCode(challenge, codes[0]), picloud.CodeUnauthenticated)
}

func TestAChallengeEndsWithThePassword(t *testing.T) {
	h := withOwner(t)
	_, codes := h.enrol()
	challenge := h.challengeOf("192.0.2.1")
	h.ok(h.ChangePassword(h.ctx, h.principal(), goodPassword, "a longer walk uphill", "::1"))
	h.wantCode(h.loginCode(challenge, codes[0]), picloud.CodeUnauthenticated)
}

// Who knows the password must not get new tries at the code with every login.
func TestGuessingAtCodesIsSlowedDown(t *testing.T) {
	h := withOwner(t)
	secret, _ := h.enrol()
	for i := range freePairFailures {
		challenge := h.challengeOf("198.51.100.7")
		_, err := h.LoginCode(h.ctx, challenge, fmt.Sprintf("%06d", i), Client{Address: "198.51.100.7"})
		h.wantCode(err, picloud.CodeInvalidCredentials)
	}
	_, err := h.login("ada", goodPassword, "198.51.100.7")
	h.wantCode(err, picloud.CodeRateLimited)
	h.ok(h.loginCode(h.challengeOf("192.0.2.1"), h.code(secret)))
}

// What is done for a login that fails is the same, whether there is such a
// user, and whether they have a second factor. Counted, not timed.
func TestFailedLoginsDoTheSameWork(t *testing.T) {
	type work struct{ hashes, statements int64 }
	measure := func(h *house, login string) work {
		hashes, statements := h.hasher.checked.Load(), h.store.Statements()
		_, err := h.login(login, "a wrong guess", "198.51.100.7")
		h.wantCode(err, picloud.CodeInvalidCredentials)
		return work{h.hasher.checked.Load() - hashes, h.store.Statements() - statements}
	}
	h := withOwner(t)
	plain, unknown := measure(h, "ada"), measure(h, "nobody")
	h.enrol()
	factor := measure(h, "ada@example.org")
	if plain != unknown || plain != factor || plain.hashes != 1 {
		t.Errorf("work for a user %+v, for nobody %+v, with a second factor %+v", plain, unknown, factor)
	}
}

func TestChallengesAreBounded(t *testing.T) {
	c := &clock{t: time.Unix(1_700_000_000, 0)}
	table := newChallenges(c.Now, zeros{})
	table.rand = &counter{}
	first, _, err := table.add(challenge{purpose: secondFactor, network: "home"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * maxNetworkChallenge {
		if _, _, err := table.add(challenge{purpose: passkeySignIn, network: "flood"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(table.m) != maxNetworkChallenge+1 {
		t.Errorf("%d challenges, one network may have %d", len(table.m), maxNetworkChallenge)
	}
	if _, err := table.look(first, secondFactor); err != nil {
		t.Errorf("a flood from elsewhere has pushed it out: %v", err)
	}
	for i := range maxChallenges {
		if _, _, err := table.add(challenge{purpose: passkeySignIn, network: fmt.Sprint(i / 50)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(table.m) > maxChallenges {
		t.Errorf("%d challenges", len(table.m))
	}
	c.Add(ChallengeTTL)
	if _, _, err := table.add(challenge{network: "late"}); err != nil || len(table.m) != 1 {
		t.Errorf("%d challenges when all have expired, %v", len(table.m), err)
	}
}

// counter is randomness that never repeats itself.
type counter struct{ n uint64 }

func (c *counter) Read(p []byte) (int, error) {
	c.n++
	copy(p, fmt.Sprintf("%032d", c.n))
	return len(p), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestSecretsAreSealedAndMove(t *testing.T) {
	h := withOwner(t)
	secret, _ := h.enrol()
	raw, err := base32Plain.DecodeString(secret)
	h.ok(err)
	list, err := h.store.ListTOTP(h.ctx)
	h.ok(err)
	if len(list) != 1 || strings.Contains(string(list[0].Secret), string(raw)) || strings.Contains(string(list[0].Secret), secret) {
		t.Errorf("stored %+v", list)
	}
	if n, err := h.Reseal(h.ctx); n != 0 || err != nil {
		t.Errorf("sealed anew under the same key: %d, %v", n, err)
	}
	old, fresh := key(7), key(8)
	h.keys, err = seal.New(old, fresh)
	h.ok(err)
	if n, err := h.Reseal(h.ctx); n != 1 || err != nil {
		t.Errorf("sealed anew: %d, %v", n, err)
	}
	h.keys, err = seal.New(fresh)
	h.ok(err)
	h.ok(h.loginCode(h.challengeOf("192.0.2.1"), h.code(secret)))
	h.keys, err = seal.New(old)
	h.ok(err)
	if _, err := h.Reseal(h.ctx); err == nil {
		t.Error("keys that open nothing pass")
	}
}

func key(fill byte) []byte { return []byte(strings.Repeat(string(rune(fill)), seal.KeySize)) }

func TestOtherSessionsEnd(t *testing.T) {
	h := withOwner(t)
	mine, other := h.mustLogin(), h.mustLogin()
	p, err := h.Authenticate(h.ctx, mine.Token)
	h.ok(err)
	if n, err := h.RevokeOthers(h.ctx, p); n != 1 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	_, err = h.Authenticate(h.ctx, other.Token)
	h.wantCode(err, picloud.CodeUnauthenticated)
	_, err = h.Authenticate(h.ctx, mine.Token)
	h.ok(err)
}

func TestChangeEmail(t *testing.T) {
	h := withOwner(t)
	p := h.principal()
	h.wantCode(h.ChangeEmail(h.ctx, p, "not an address", goodPassword, "::1"), picloud.CodeInvalid)
	h.wantCode(h.ChangeEmail(h.ctx, p, "new@example.org", "wrong", "::1"), picloud.CodeInvalidCredentials)
	h.ok(h.ChangeEmail(h.ctx, p, "New@Example.org", goodPassword, "::1"))
	if in, err := h.login("new@example.org", goodPassword, "::1"); err != nil || in.User.Email != "new@example.org" {
		t.Errorf("signed in %+v, %v", in, err)
	}
}
