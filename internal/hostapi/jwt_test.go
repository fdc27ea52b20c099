package hostapi

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// token signs claims with another library; the clock of these tests stands at
// 1769862600 seconds.
func token(t *testing.T, alg jose.SignatureAlgorithm, key, claims string) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: []byte(key)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// forged is a token of a header and claims with a signature of no key.
func forged(header, claims, signature string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(claims)) + "." + signature
}

func TestTokens(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 64)
	good := token(t, jose.HS256, key, `{"sub":"ada","aud":["a","b"],"iss":"me","exp":1769862601,"nbf":1769862600}`)
	header, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	for _, c := range []struct{ token, options, want string }{
		{good, `alg: "HS256"`, "ada"},
		{good, `alg: ["HS512", "HS256"], aud: "b", iss: "me"`, "ada"},
		{token(t, jose.HS384, key, `{"sub":"ada"}`), `alg: "HS384"`, "ada"},
		{token(t, jose.HS512, key, `{"sub":"ada","aud":"a"}`), `alg: "HS512", aud: "a"`, "ada"},
		{token(t, jose.HS256, key, `{"sub":"ada","exp":1769862596}`), `alg: "HS256", leeway: 5`, "ada"},

		{good, ``, "needs alg"},
		{good, `alg: "none"`, "not an algorithm"},
		{good, `alg: "HS512"`, "signed with"},
		{good, `alg: "RS256"`, "signed with"},
		{good, `alg: ["HS256", "RS256"]`, "one key is not for"},
		{good, `alg: "HS256", audience: "a"`, "no option"},
		{good, `alg: "HS256", aud: "c"`, "somebody else (aud)"},
		{good, `alg: "HS256", iss: "you"`, "somebody else (iss)"},
		{token(t, jose.HS256, key, `{"sub":"ada"}`), `alg: "HS256", iss: "me"`, "somebody else (iss)"},
		{token(t, jose.HS256, key, `{"sub":"ada"}`), `alg: "HS256", aud: "a"`, "somebody else (aud)"},
		{token(t, jose.HS256, key, `{"sub":"ada","exp":1769862600}`), `alg: "HS256"`, "expired"},
		{token(t, jose.HS256, key, `{"sub":"ada","exp":"never"}`), `alg: "HS256"`, "expired"},
		{token(t, jose.HS256, key, `{"sub":"ada","nbf":1769862602}`), `alg: "HS256"`, "not good yet"},
		{token(t, jose.HS256, key, `[1]`), `alg: "HS256"`, "no claims"},
		{token(t, jose.HS256, strings.Repeat("x", 64), `{"sub":"ada"}`), `alg: "HS256"`, "signature of the token is wrong"},
		{forged(`{"alg":"none"}`, `{"sub":"ada"}`, ""), `alg: "HS256"`, "signed with"},
		{forged(`{"alg":"NONE"}`, `{"sub":"ada"}`, ""), `alg: "HS256"`, "signed with"},
		{forged(`{"alg":"HS256"}`, `{"sub":"ada"}`, ""), `alg: "HS256"`, "signature of the token is wrong"},
		{forged(`{"alg":"HS256","crit":["exp"]}`, `{"sub":"ada"}`, signature), `alg: "HS256"`, "crit"},
		{forged(`{"alg":""}`, `{}`, signature), `alg: "HS256"`, "not a token"},
		{forged(`no json`, `{}`, signature), `alg: "HS256"`, "not a token"},
		{header + "." + body, `alg: "HS256"`, "not a token"},
		{header + "." + body + "." + signature + ".", `alg: "HS256"`, "not a token"},
		{header + "." + body + "." + signature + "=", `alg: "HS256"`, "not a token"},
		{header + "." + body + "." + signature[1:], `alg: "HS256"`, "token"},
		{header + "." + forged("{}", `{"sub":"eve"}`, "")[4:] + signature, `alg: "HS256"`, "signature of the token is wrong"},
		{"", `alg: "HS256"`, "not a token"},
	} {
		h := newHost(t)
		resp, _, err := h.run("jwt::verify("+quote(c.token)+", "+quote(key)+", #{ "+c.options+" }).sub", nil)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = string(resp.Body)
		}
		if !strings.Contains(got, c.want) || c.want == "ada" && got != "ada" {
			t.Errorf("%s with %s: %s, want %q", c.token, c.options, got, c.want)
		}
	}
}

// TestTokensAreMade has another library read what was made.
func TestTokensAreMade(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 64)
	h := newHost(t)
	resp, _, err := h.run(`jwt::sign(#{ sub: "ada" }, `+quote(key)+`, #{ alg: "HS512", kid: "one", expires_in: 60 })`, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSigned(string(resp.Body), []jose.SignatureAlgorithm{jose.HS512})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := signed.Verify([]byte(key))
	if err != nil || string(claims) != `{"exp":1769862660,"iat":1769862600,"sub":"ada"}` || signed.Signatures[0].Header.KeyID != "one" {
		t.Errorf("%s, %+v, %v", claims, signed.Signatures[0].Header, err)
	}
	for source, want := range map[string]string{
		`jwt::sign(#{}, "")`:                                        "no key",
		`jwt::sign(#{}, "-----BEGIN PUBLIC KEY-----")`:              "no key",
		`jwt::sign(#{}, "k", #{ alg: "none" })`:                     "not an algorithm",
		`jwt::sign(#{}, "k", #{ alg: "RS256" })`:                    "needs a secret",
		`jwt::sign(#{}, "k", #{ expires_in: 0 })`:                   "expires_in",
		`jwt::sign(#{ f: |x| x }, "k")`:                             "no JSON form",
		`let s = "x"; s.pad(40000, 'x'); jwt::sign(#{ s: s }, "k")`: "has room for",
	} {
		if _, _, err := newHost(t).run(source, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}
