package executortest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// secretValue is what the secret TOKEN of a shelf is.
const secretValue = "the-value-of-the-token"

// HasSecret implements picloud.Host: there is one, TOKEN.
func (s Shelf) HasSecret(_ context.Context, name string) (bool, error) { return name == "TOKEN", nil }

// Sign implements picloud.Host, with HMAC.
func (s Shelf) Sign(_ context.Context, x *picloud.Signing) ([]byte, error) {
	if x.Secret != "TOKEN" || x.Algorithm != picloud.AlgHS256 {
		return nil, picloud.Invalid("secret", "the secret is no key for %s", x.Algorithm)
	}
	m := hmac.New(sha256.New, []byte(secretValue))
	m.Write(x.Data)
	return m.Sum(nil), nil
}

// Verify implements picloud.Host.
func (s Shelf) Verify(ctx context.Context, x *picloud.Signing, signature []byte) (bool, error) {
	if x.Algorithm == picloud.AlgSame {
		return string(signature) == secretValue, nil
	}
	want, err := s.Sign(ctx, x)
	return err == nil && hmac.Equal(want, signature), err
}

func (h brokenHost) HasSecret(context.Context, string) (bool, error) { return false, h.err }
func (h brokenHost) Sign(context.Context, *picloud.Signing) ([]byte, error) {
	return nil, h.err
}
func (h brokenHost) Verify(context.Context, *picloud.Signing, []byte) (bool, error) {
	return false, h.err
}

// HasSecret implements picloud.Host.
func (d deaf) HasSecret(context.Context, string) (bool, error) { return false, d.refuse("a secret") }

// Sign implements picloud.Host.
func (d deaf) Sign(context.Context, *picloud.Signing) ([]byte, error) {
	return nil, d.refuse("a signature")
}

// Verify implements picloud.Host.
func (d deaf) Verify(context.Context, *picloud.Signing, []byte) (bool, error) {
	return false, d.refuse("a signature's being right")
}

// secrets checks that handles are used, and never show what they stand for.
func secrets(t *testing.T, e Executor) {
	sum := func(text string) string {
		m := hmac.New(sha256.New, []byte(secretValue))
		m.Write([]byte(text))
		return string(hexOf(m.Sum(nil)))
	}
	for source, want := range map[string]string{
		`"" + type_of(secret::get("TOKEN"))`:                                                                       "secret",
		`[secret::has("TOKEN"), secret::has("OTHER")]`:                                                             "[true,false]",
		"let s = secret::get(\"TOKEN\"); `it is ${s}`":                                                             "it is secret(TOKEN)",
		`secret::get("TOKEN").to_string()`:                                                                         "secret(TOKEN)",
		`secret::get("TOKEN").to_debug()`:                                                                          "secret(TOKEN)",
		`("Bearer " + secret::get("TOKEN")).to_string()`:                                                           "Bearer secret(TOKEN)",
		`let t = "a"; t += secret::get("TOKEN"); t += "b"; t.to_string()`:                                          "asecret(TOKEN)b",
		`secret::get("TOKEN") == "` + secretValue + `"`:                                                            "false",
		`hmac::sha256(secret::get("TOKEN"), "text")`:                                                               sum("text"),
		`hmac::verify("sha256", secret::get("TOKEN"), "text", "sha256=` + sum("text") + `")`:                       "true",
		`hmac::verify("sha256", secret::get("TOKEN"), "other", "` + sum("text") + `")`:                             "false",
		`hmac::equal(secret::get("TOKEN"), "` + secretValue + `")`:                                                 "true",
		`hmac::equal("x", secret::get("TOKEN"))`:                                                                   "false",
		`http::get("http://a/", #{ headers: #{ authorization: secret::get("TOKEN").bearer() } }).body`:             "GET [{Authorization [{Bearer   } { TOKEN }]}] [] 0s true",
		`http::get("http://a/", #{ headers: #{ x: "a" + secret::get("TOKEN") + "b" } }).body`:                      "GET [{X [{a  } { TOKEN } {b  }]}] [] 0s true",
		`http::get("http://a/", #{ headers: #{ authorization: secret::basic("me", secret::get("TOKEN")) } }).body`: "GET [{Authorization [{Basic   } {me TOKEN basic}]}] [] 0s true",
		`http::get("http://a/", #{ query: #{ k: secret::get("TOKEN"), n: 1 } }).url`:                               "http://a/?k=secret(TOKEN)&n=1#",
		`http::get("http://" + secret::get("TOKEN")).url`:                                                          "http://secret(TOKEN)#",
		`http::post("http://a/", #{ form: #{ k: secret::get("TOKEN") } }).body`:                                    "POST [{Content-Type [{application/x-www-form-urlencoded  }]}] [{k=  } { TOKEN query}] 0s true",
		`http::post("http://a/", #{ json: #{ k: secret::get("TOKEN"), n: 1 } }).body`:                              `POST [{Content-Type [{application/json  }]}] [{{"k":  } { TOKEN json} {,"n":1}  }] 0s true`,
	} {
		o := run(t, e, source)
		if got := body(t, source, o); got != want {
			t.Errorf("%s = %.300q, want %q", source, got, want)
		}
	}
	for _, source := range []string{
		`#{ a: secret::get("TOKEN") }`, `json::stringify([secret::get("TOKEN")])`, `kv::set("k", secret::get("TOKEN"))`, `publish("t", #{ s: secret::get("TOKEN") })`,
		`secret::get("OTHER")`, `secret::get("bad name")`, `secret::get("TOKEN")`, `secret::basic("me", "a" + secret::get("TOKEN"))`, `hmac::sha512(secret::get("TOKEN"), "x")`,
		"let s = secret::get(\"TOKEN\"); http::get(\"http://a/\", #{ headers: #{ authorization: `Bearer ${s}` } })",
		`http::post("http://a/", #{ json: #{ a: "x" + secret::get("TOKEN") } })`,
	} {
		o := run(t, e, source)
		if o.Error == nil {
			t.Errorf("%s is not refused: %s", source, o.Response.Body)
		}
	}
}

func hexOf(b []byte) []byte {
	const digits = "0123456789abcdef"
	var out []byte
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return out
}
