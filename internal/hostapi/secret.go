package hostapi

import (
	"encoding/hex"
	"slices"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// secretModule is secret::get, has and basic. What scripts hold is a handle: it
// can be sent with http and signed with, and shows as secret(NAME) everywhere
// else. The value never reaches the process that runs scripts.
func secretModule() *rhai.Module {
	return rhai.NewModule("secret").
		Func("get", params(rhai.StringType), func(c *rhai.Call) error {
			name := text(c, 0)
			has, err := hasSecret(c, name)
			if err != nil {
				return err
			}
			if !has {
				return c.Fail("the app has no secret %s: set it with picloud secrets set %s", clip(name), clip(name))
			}
			return returnHidden(c, picloud.Pieces{{Secret: name}})
		}, "a handle for a secret of the app, which can be used and not seen").
		Func("has", params(rhai.StringType), func(c *rhai.Call) error {
			has, err := hasSecret(c, text(c, 0))
			if err != nil {
				return err
			}
			return c.Return(rhai.Bool(has))
		}, "whether the app has a secret of that name").
		Func("basic", params(rhai.StringType, secretType), func(c *rhai.Call) error {
			name, ok := plainSecret(c.Arg(1))
			if !ok {
				return c.Fail("secret::basic takes a secret with nothing added to it")
			}
			return returnHidden(c, picloud.Pieces{{Text: "Basic "}, {Text: text(c, 0), Secret: name, As: picloud.AsBasic}})
		}, "the header Authorization for a user name with a secret as password")
}

func hasSecret(c *rhai.Call, name string) (bool, error) {
	if err := picloud.ValidateSecretName(name); err != nil {
		return false, outsideError(c, "secret", err)
	}
	if err := c.Charge(readCost); err != nil {
		return false, err
	}
	inv := invocation(c)
	if err := inv.outsideReady(); err != nil {
		return false, err
	}
	has, err := inv.Outside.HasSecret(c.Context(), name)
	if err != nil {
		return false, outsideError(c, "secret", err)
	}
	if has && !slices.Contains(inv.secrets, name) {
		inv.secrets = append(inv.secrets, name)
	}
	return has, nil
}

// returnHidden returns a text with secrets.
func returnHidden(c *rhai.Call, p picloud.Pieces) error {
	if len(p) > picloud.MaxPieces {
		return c.Fail("a text with secrets has %d parts at most", picloud.MaxPieces)
	}
	v, err := c.Object(secretType, &hidden{p}, objectSize+p.Size())
	if err != nil {
		return err
	}
	return c.Return(v)
}

// addSecret registers what scripts do with handles: with + they become parts of
// longer texts, which are as secret.
func addSecret(g *rhai.Module) {
	g.Func("bearer", params(secretType), func(c *rhai.Call) error {
		return returnHidden(c, join(append(picloud.Plain("Bearer "), hiddenOf(c.Arg(0)).pieces...)))
	}, "the header Authorization with the secret as a token")
	for _, p := range [][]rhai.Type{params(rhai.StringType, secretType), params(secretType, rhai.StringType), params(secretType, secretType)} {
		g.Func("+", p, func(c *rhai.Call) error {
			a, _, err := pieces(c, c.Arg(0))
			if err != nil {
				return err
			}
			b, _, err := pieces(c, c.Arg(1))
			if err != nil {
				return err
			}
			return returnHidden(c, join(append(slices.Clone(a), b...)))
		})
	}
	show := func(c *rhai.Call) error {
		s := hiddenOf(c.Arg(0)).pieces.Visible()
		if err := work(c, 0, len(s)); err != nil {
			return err
		}
		return returnText(c, s)
	}
	g.Func("to_string", params(secretType), show, "secret(NAME)")
	g.Func("to_debug", params(secretType), show, "secret(NAME)")
}

// hmacAlgorithms are the algorithms by the names of their digests.
var hmacAlgorithms = map[string]picloud.Algorithm{"sha1": picloud.AlgHS1, "sha256": picloud.AlgHS256, "sha512": picloud.AlgHS512}

// addSecretHMAC registers the functions of hmac for keys that are secrets.
func addSecretHMAC(m *rhai.Module) {
	for name, algorithm := range hmacAlgorithms {
		m.Func(name, params(secretType, textOrBlob()), func(c *rhai.Call) error {
			sum, err := signWithSecret(c, c.Arg(0), algorithm, data(c, 1))
			if err != nil {
				return err
			}
			return returnText(c, hex.EncodeToString(sum))
		}, "the signature of a message with a secret, in hexadecimal")
	}
	m.Func("verify", params(rhai.StringType, secretType, textOrBlob(), rhai.StringType), func(c *rhai.Call) error {
		algorithm, ok := hmacAlgorithms[text(c, 0)]
		if !ok {
			return c.Fail("hmac::verify knows no %q (sha1, sha256, sha512)", clip(text(c, 0)))
		}
		given, ok := hexSignature(text(c, 0), text(c, 3))
		if !ok {
			return c.Return(rhai.Bool(false))
		}
		return verifyWithSecret(c, c.Arg(1), algorithm, data(c, 2), given)
	}, "whether a signature in hexadecimal is right: verify(algorithm, secret, message, signature)")
	for i, p := range [][]rhai.Type{params(secretType, textOrBlob()), params(textOrBlob(), secretType)} {
		m.Func("equal", p, func(c *rhai.Call) error {
			return verifyWithSecret(c, c.Arg(i), picloud.AlgSame, nil, data(c, 1-i))
		}, "whether a text is the value of a secret, in a time that does not tell where they differ")
	}
}

// hexSignature reads a signature in hexadecimal, with the name of the algorithm
// before it or without.
func hexSignature(algorithm, text string) ([]byte, bool) {
	if len(text) > len(algorithm) && text[:len(algorithm)] == algorithm && text[len(algorithm)] == '=' {
		text = text[len(algorithm)+1:]
	}
	b, err := hex.DecodeString(text)
	return b, err == nil
}

// signing prepares to sign with a secret.
func signing(c *rhai.Call, key rhai.Value, a picloud.Algorithm, message []byte) (*picloud.Signing, error) {
	name, ok := plainSecret(key)
	if !ok {
		return nil, c.Fail("one signs with a secret that has nothing added to it")
	}
	if err := c.Charge(readCost + len(message)/4); err != nil {
		return nil, err
	}
	if err := c.Room(2 * len(message)); err != nil {
		return nil, err
	}
	s := &picloud.Signing{Secret: name, Algorithm: a, Data: append([]byte(nil), message...)}
	if err := s.Validate(); err != nil {
		return nil, outsideError(c, "sign", err)
	}
	return s, invocation(c).outsideReady()
}

func signWithSecret(c *rhai.Call, key rhai.Value, a picloud.Algorithm, message []byte) ([]byte, error) {
	s, err := signing(c, key, a, message)
	if err != nil {
		return nil, err
	}
	sum, err := invocation(c).Outside.Sign(c.Context(), s)
	if err != nil {
		return nil, outsideError(c, "sign", err)
	}
	return sum, nil
}

func isSignedWithSecret(c *rhai.Call, key rhai.Value, a picloud.Algorithm, message, signature []byte) (bool, error) {
	s, err := signing(c, key, a, message)
	if err != nil {
		return false, err
	}
	right, err := invocation(c).Outside.Verify(c.Context(), s, append([]byte(nil), signature...))
	if err != nil {
		return false, outsideError(c, "verify", err)
	}
	return right, nil
}

func verifyWithSecret(c *rhai.Call, key rhai.Value, a picloud.Algorithm, message, signature []byte) error {
	right, err := isSignedWithSecret(c, key, a, message, signature)
	if err != nil {
		return err
	}
	return c.Return(rhai.Bool(right))
}
