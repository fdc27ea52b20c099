package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var signinCases = []testCase{
	{"a new account has no second factor", func(f *fixture) {
		u := f.owner()
		f.factors(u, picloud.FactorSummary{})
		_, err := f.TOTPOf(f.ctx, u.ID)
		f.code(err, picloud.CodeNotFound)
		f.code(f.DeleteTOTP(f.ctx, u.ID), picloud.CodeNotFound)
		f.code(f.UseTOTP(f.ctx, u.ID, 1), picloud.CodeInvalidCredentials)
	}},
	{"an authenticator app counts once it is confirmed", func(f *fixture) {
		u := f.owner()
		f.ok(f.PutTOTP(f.ctx, picloud.TOTP{UserID: u.ID, Secret: []byte("first")}))
		f.ok(f.PutTOTP(f.ctx, picloud.TOTP{UserID: u.ID, Secret: []byte("second")}))
		f.factors(u, picloud.FactorSummary{})
		f.code(f.UseTOTP(f.ctx, u.ID, 5), picloud.CodeInvalidCredentials)
		app := picloud.TOTP{UserID: u.ID, Secret: []byte("first")}
		f.code(f.ConfirmTOTP(f.ctx, app, 7, nil), picloud.CodeConflict)
		app.Secret = []byte("second")
		f.ok(f.ConfirmTOTP(f.ctx, app, 7, []picloud.TokenHash{token("a"), token("b")}))
		f.code(f.ConfirmTOTP(f.ctx, app, 8, nil), picloud.CodeConflict)
		f.code(f.PutTOTP(f.ctx, picloud.TOTP{UserID: u.ID, Secret: []byte("third")}), picloud.CodeConflict)
		got, err := f.TOTPOf(f.ctx, u.ID)
		f.ok(err)
		same(f, "secret", string(got.Secret), "second")
		same(f, "confirmed", got.Confirmed, true)
		same(f, "last step", got.LastStep, 7)
		f.factors(u, picloud.FactorSummary{TOTP: true, RecoveryCodes: 2})
	}},
	{"a step is spent once, and with it those before", func(f *fixture) {
		u := f.withTOTP()
		f.code(f.UseTOTP(f.ctx, u.ID, 7), picloud.CodeInvalidCredentials)
		f.ok(f.UseTOTP(f.ctx, u.ID, 9))
		f.code(f.UseTOTP(f.ctx, u.ID, 9), picloud.CodeInvalidCredentials)
		f.code(f.UseTOTP(f.ctx, u.ID, 8), picloud.CodeInvalidCredentials)
		same(f, "uses at once that are accepted", f.race(func() error { return f.UseTOTP(f.ctx, u.ID, 10) }), 1)
	}},
	{"a recovery code is spent once", func(f *fixture) {
		u := f.withTOTP()
		f.code(f.UseRecoveryCode(f.ctx, u.ID, token("guess")), picloud.CodeInvalidCredentials)
		f.code(f.UseRecoveryCode(f.ctx, f.ids.New(), token("a")), picloud.CodeInvalidCredentials)
		same(f, "uses at once that are accepted", f.race(func() error { return f.UseRecoveryCode(f.ctx, u.ID, token("a")) }), 1)
		f.factors(u, picloud.FactorSummary{TOTP: true, RecoveryCodes: 1})
		f.ok(f.PutRecoveryCodes(f.ctx, u.ID, []picloud.TokenHash{token("x"), token("y"), token("z")}))
		f.code(f.UseRecoveryCode(f.ctx, u.ID, token("b")), picloud.CodeInvalidCredentials)
		f.factors(u, picloud.FactorSummary{TOTP: true, RecoveryCodes: 3})
	}},
	{"recovery codes go with the last factor, and a second factor leaves them alone", func(f *fixture) {
		u := f.withTOTP()
		key := f.passkey(u, "key", token("new"))
		f.ok(f.UseRecoveryCode(f.ctx, u.ID, token("b")))
		f.ok(f.DeleteTOTP(f.ctx, u.ID))
		f.factors(u, picloud.FactorSummary{Passkeys: 1, RecoveryCodes: 1})
		f.ok(f.DeletePasskey(f.ctx, u.ID, key.ID))
		f.factors(u, picloud.FactorSummary{})
	}},
	{"secrets are listed and replaced", func(f *fixture) {
		u := f.withTOTP()
		list, err := f.ListTOTP(f.ctx)
		f.ok(err)
		same(f, "apps", len(list), 1)
		same(f, "user", list[0].UserID, u.ID)
		f.ok(f.ReplaceTOTPSecret(f.ctx, u.ID, []byte("other"), []byte("lost")))
		f.ok(f.ReplaceTOTPSecret(f.ctx, u.ID, []byte("secret"), []byte("sealed anew")))
		got, err := f.TOTPOf(f.ctx, u.ID)
		f.ok(err)
		same(f, "secret", string(got.Secret), "sealed anew")
		same(f, "last step", got.LastStep, 7)
	}},
	{"a passkey is found by its credential", func(f *fixture) {
		u := f.owner()
		key := f.passkey(u, "laptop", token("a"))
		got, c, err := f.PasskeyByCredential(f.ctx, []byte("laptop"))
		f.ok(err)
		same(f, "user", c.User, u)
		same(f, "hash", c.PasswordHash, "hash")
		same(f, "name", got.Name, "laptop")
		same(f, "host", got.RPID, "pi.example.org")
		same(f, "credential", string(got.Credential), "public")
		same(f, "never used", got.LastUsedAt.IsZero(), true)
		_, _, err = f.PasskeyByCredential(f.ctx, []byte("phone"))
		f.code(err, picloud.CodeNotFound)

		at := time.Now().UTC().Truncate(time.Microsecond)
		f.ok(f.UsePasskey(f.ctx, key.ID, []byte("counted"), at))
		got, _, err = f.PasskeyByCredential(f.ctx, []byte("laptop"))
		f.ok(err)
		same(f, "credential", string(got.Credential), "counted")
		same(f, "last used", got.LastUsedAt, at)
	}},
	{"passkeys are their user's alone", func(f *fixture) {
		u := f.owner()
		key := f.passkey(u, "laptop")
		stranger := f.ids.New()
		f.code(f.RenamePasskey(f.ctx, stranger, key.ID, "mine"), picloud.CodeNotFound)
		f.code(f.DeletePasskey(f.ctx, stranger, key.ID), picloud.CodeNotFound)
		f.ok(f.RenamePasskey(f.ctx, u.ID, key.ID, "work"))
		list, err := f.ListPasskeys(f.ctx, u.ID)
		f.ok(err)
		same(f, "passkeys", len(list), 1)
		same(f, "name", list[0].Name, "work")
		again := key
		again.ID = f.ids.New()
		f.code(f.AddPasskey(f.ctx, again, nil), picloud.CodeConflict)
	}},
	{"an account has so many passkeys", func(f *fixture) {
		u := f.owner()
		for i := range picloud.MaxPasskeys - 1 {
			f.passkey(u, fmt.Sprint("key", i))
		}
		var next atomic.Int32
		made := f.race(func() error {
			name := fmt.Sprint("more", next.Add(1))
			return f.AddPasskey(f.ctx, picloud.Passkey{ID: f.ids.New(), UserID: u.ID, CredentialID: []byte(name), Credential: []byte("k")}, nil)
		})
		same(f, "passkeys made at once", made, 1)
		f.factors(u, picloud.FactorSummary{Passkeys: picloud.MaxPasskeys})
	}},
	{"an identity is linked by an address that somebody vouched for", func(f *fixture) {
		u := f.owner()
		id := picloud.Identity{Issuer: "https://id.example", Subject: "7", Email: u.Email}
		_, err := f.IdentityUser(f.ctx, id.Issuer, id.Subject)
		f.code(err, picloud.CodeNotFound)
		_, err = f.LinkByEmail(f.ctx, picloud.Identity{Issuer: id.Issuer, Subject: "8", Email: "nobody@example.org"})
		f.code(err, picloud.CodeNotFound)
		linked, err := f.LinkByEmail(f.ctx, id)
		f.ok(err)
		same(f, "user", linked, u)
		found, err := f.IdentityUser(f.ctx, id.Issuer, id.Subject)
		f.ok(err)
		same(f, "user", found, u)
		list, err := f.ListIdentities(f.ctx, u.ID)
		f.ok(err)
		same(f, "identities", len(list), 1)
		same(f, "address", list[0].Email, u.Email)
		f.code(f.UnlinkIdentity(f.ctx, f.ids.New(), id.Issuer, id.Subject), picloud.CodeNotFound)
		f.ok(f.UnlinkIdentity(f.ctx, u.ID, id.Issuer, id.Subject))
		_, err = f.IdentityUser(f.ctx, id.Issuer, id.Subject)
		f.code(err, picloud.CodeNotFound)
	}},
	{"an address that a user chose links nothing", func(f *fixture) {
		u := f.owner()
		f.ok(f.ChooseEmail(f.ctx, u.ID, "victim@example.org"))
		id := picloud.Identity{Issuer: "https://id.example", Subject: "7", Email: "victim@example.org"}
		_, err := f.LinkByEmail(f.ctx, id)
		f.code(err, picloud.CodeConflict)
		_, err = f.IdentityUser(f.ctx, id.Issuer, id.Subject)
		f.code(err, picloud.CodeNotFound)
		f.ok(f.LinkIdentity(f.ctx, u.ID, id)) // signed in, they may
		f.ok(f.LinkIdentity(f.ctx, u.ID, id))
		c, err := f.CredentialsOf(f.ctx, "victim@example.org")
		f.ok(err)
		same(f, "user", c.User.ID, u.ID)
		f.code(f.ChooseEmail(f.ctx, f.ids.New(), "victim@example.org"), picloud.CodeConflict)
		f.code(f.ChooseEmail(f.ctx, f.ids.New(), "free@example.org"), picloud.CodeNotFound)
	}},
	{"who has lost their factors is helped by who is in charge of them", func(f *fixture) {
		ada := f.withTOTP()
		bob, err := f.CreateUser(f.ctx, ada.ID, picloud.NewUser{Username: "bob", Email: "bob@example.org", Role: picloud.RoleAdmin})
		f.ok(err)
		carl, err := f.CreateUser(f.ctx, ada.ID, picloud.NewUser{Username: "carl", Email: "carl@example.org", Role: picloud.RoleMember})
		f.ok(err)
		f.passkey(carl, "phone", token("c"))
		f.session(carl, "carl's", time.Now())
		for actor, id := range map[string]string{bob.ID: ada.ID, carl.ID: bob.ID, ada.ID: ada.ID, f.ids.New(): carl.ID} {
			_, err := f.ResetFactors(f.ctx, actor, id)
			f.code(err, picloud.CodeForbidden)
		}
		_, err = f.ResetFactors(f.ctx, bob.ID, f.ids.New())
		f.code(err, picloud.CodeNotFound)
		f.factors(carl, picloud.FactorSummary{Passkeys: 1, RecoveryCodes: 1})
		u, err := f.ResetFactors(f.ctx, bob.ID, carl.ID)
		f.ok(err)
		same(f, "user", u.Username, "carl")
		f.factors(carl, picloud.FactorSummary{})
		_, _, err = f.SessionOf(f.ctx, token("carl's"), time.Now())
		f.code(err, picloud.CodeUnauthenticated)
		_, err = f.ResetFactors(f.ctx, "", ada.ID)
		f.ok(err)
		f.factors(ada, picloud.FactorSummary{})
	}},
	{"sessions but one are ended", func(f *fixture) {
		u := f.owner()
		now := time.Now()
		mine := f.session(u, "mine", now)
		f.session(u, "two", now)
		f.session(u, "three", now)
		n, err := f.DeleteOtherSessions(f.ctx, u.ID, mine.ID)
		f.ok(err)
		same(f, "ended", n, 2)
		_, _, err = f.SessionOf(f.ctx, token("mine"), now)
		f.ok(err)
		_, _, err = f.SessionOf(f.ctx, token("two"), now)
		f.code(err, picloud.CodeUnauthenticated)
	}},
	{"the addresses of a login are those of its living sessions", func(f *fixture) {
		u := f.owner()
		now := time.Now()
		f.session(u, "one", now)
		f.session(u, "two", now)
		for _, login := range []string{"ada", "ada@example.org"} {
			list, err := f.SignedInFrom(f.ctx, login, now)
			f.ok(err)
			same(f, "addresses", fmt.Sprint(list), "[192.0.2.1]")
		}
		for login, at := range map[string]time.Time{"nobody": now, "ada": now.Add(2 * time.Hour)} {
			list, err := f.SignedInFrom(f.ctx, login, at)
			f.ok(err)
			same(f, "addresses", len(list), 0)
		}
	}},
}

// withTOTP is an owner with a confirmed app at step 7, and the recovery codes
// a and b.
func (f *fixture) withTOTP() picloud.User {
	f.Helper()
	u := f.owner()
	app := picloud.TOTP{UserID: u.ID, Secret: []byte("secret")}
	f.ok(f.PutTOTP(f.ctx, app))
	f.ok(f.ConfirmTOTP(f.ctx, app, 7, []picloud.TokenHash{token("a"), token("b")}))
	return u
}

// passkey gives u a passkey whose credential id is its name.
func (f *fixture) passkey(u picloud.User, name string, codes ...picloud.TokenHash) picloud.Passkey {
	f.Helper()
	p := picloud.Passkey{
		ID: f.ids.New(), UserID: u.ID, Name: name, RPID: "pi.example.org",
		CredentialID: []byte(name), Credential: []byte("public"),
	}
	f.ok(f.AddPasskey(f.ctx, p, codes))
	return p
}

func (f *fixture) factors(u picloud.User, want picloud.FactorSummary) {
	f.Helper()
	got, err := f.FactorsOf(f.ctx, u.ID)
	f.ok(err)
	same(f, "factors", got, want)
}

// race does something eight times at once and counts the successes. Failures
// must be for users.
func (f *fixture) race(do func() error) int {
	var succeeded atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			err := do()
			switch {
			case err == nil:
				succeeded.Add(1)
			case picloud.IsCode(err, picloud.CodeInternal):
				f.Errorf("a loser got %v", err)
			}
		})
	}
	wg.Wait()
	return int(succeeded.Load())
}
