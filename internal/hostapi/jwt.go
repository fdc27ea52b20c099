package hostapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

const (
	// maxToken bounds a token, which has to fit into a header.
	maxToken = 64 << 10
	// maxLeeway is how far two clocks may differ.
	maxLeeway = 10 * time.Minute
)

// jwtModule is jwt::sign and verify: JSON Web Tokens (RFC 7519) in the compact
// form. Which algorithms are right is for the script to say, and never for the
// token: that is what most holes in libraries for it were.
func jwtModule() *rhai.Module {
	m := rhai.NewModule("jwt")
	for _, key := range []rhai.Type{textOrBlob(), secretType} {
		m.Func("sign", params(rhai.MapType, key), func(c *rhai.Call) error { return jwtSign(c, rhai.Unit()) },
			"a token of these claims, signed with HS256")
		m.Func("sign", params(rhai.MapType, key, rhai.MapType), func(c *rhai.Call) error { return jwtSign(c, c.Arg(2)) },
			"a token of these claims: #{alg: \"HS256\", kid: text, expires_in: seconds}")
		m.Func("verify", params(rhai.StringType, key, rhai.MapType), func(c *rhai.Call) error { return jwtVerify(c) },
			"the claims of a token that is right: #{alg: \"HS256\" or an array, aud: text, iss: text, leeway: seconds}")
	}
	return m
}

// jwtAlgorithms are those that there are. The others than HS… need a secret that
// holds a key in PEM.
var jwtAlgorithms = []picloud.Algorithm{
	picloud.AlgHS256, picloud.AlgHS384, picloud.AlgHS512, picloud.AlgRS256, picloud.AlgPS256, picloud.AlgES256, picloud.AlgEdDSA,
}

// jwtAlgorithm reads the name of an algorithm. There is no "none".
func jwtAlgorithm(c *rhai.Call, v rhai.Value) (picloud.Algorithm, error) {
	name, _ := v.AsString()
	if a := picloud.Algorithm(name); slices.Contains(jwtAlgorithms, a) {
		return a, nil
	}
	return "", c.Fail("%q is not an algorithm for tokens: one of %v", clip(name), jwtAlgorithms)
}

// symmetric reports whether both sides have the same key.
func symmetric(a picloud.Algorithm) bool { return strings.HasPrefix(string(a), "HS") }

// jwtMAC signs with a key that the script has itself.
func jwtMAC(c *rhai.Call, a picloud.Algorithm, key, message []byte) ([]byte, error) {
	digest := map[picloud.Algorithm]func() hash.Hash{picloud.AlgHS256: sha256.New, picloud.AlgHS384: sha512.New384, picloud.AlgHS512: sha512.New}[a]
	if digest == nil {
		return nil, c.Fail("%s needs a secret that holds a key in PEM, and not a text", a)
	}
	if len(key) == 0 || bytes.Contains(key, []byte("-----BEGIN")) {
		return nil, c.Fail("this is no key for %s: it is empty, or one in PEM", a)
	}
	if err := c.Charge(20 + (len(key)+len(message))/4); err != nil {
		return nil, err
	}
	m := hmac.New(digest, key)
	m.Write(message)
	return m.Sum(nil), nil
}

func jwtSign(c *rhai.Call, options rhai.Value) error {
	alg, head := picloud.AlgHS256, map[string]string{"typ": "JWT"}
	claims := c.Arg(0)
	if !options.IsUnit() {
		if err := onlyOptions(c, options, "alg", "kid", "expires_in"); err != nil {
			return err
		}
		var err error
		if v, ok := options.Get("alg"); ok {
			if alg, err = jwtAlgorithm(c, v); err != nil {
				return err
			}
		}
		if v, ok := options.Get("kid"); ok && !v.IsUnit() {
			if head["kid"], ok = v.AsString(); !ok {
				return c.Fail("kid is the name of the key, a string")
			}
		}
		if v, ok := options.Get("expires_in"); ok && !v.IsUnit() {
			if claims, err = expiring(c, claims, v); err != nil {
				return err
			}
		}
	}
	head["alg"] = string(alg)
	body, err := encode(c, claims)
	if err != nil {
		return jsonFailure(c, err)
	}
	if len(body) > maxToken/2 {
		return c.Fail("the claims have %d bytes, and a token has room for %d", len(body), maxToken/2)
	}
	header, _ := json.Marshal(head) // texts always have a form
	message := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	if err := work(c, len(message), 2*len(message)); err != nil {
		return err
	}
	var signature []byte
	if hiddenOf(c.Arg(1)) != nil {
		signature, err = signWithSecret(c, c.Arg(1), alg, []byte(message))
	} else {
		signature, err = jwtMAC(c, alg, data(c, 1), []byte(message))
	}
	if err != nil {
		return err
	}
	return returnText(c, message+"."+base64.RawURLEncoding.EncodeToString(signature))
}

// expiring is claims with when they were made and when they end.
func expiring(c *rhai.Call, claims, life rhai.Value) (rhai.Value, error) {
	s, ok := seconds(life)
	if !ok || s <= 0 || s > maxTTL.Seconds() {
		return rhai.Value{}, c.Fail("expires_in is how many seconds the token is good for: a number above 0")
	}
	now := invocation(c).Now()
	m := c.NewMap()
	for name, v := range claims.Entries() {
		if err := m.Set(name, v); err != nil {
			return rhai.Value{}, err
		}
	}
	if err := m.Set("iat", rhai.Int(now.Unix())); err != nil {
		return rhai.Value{}, err
	}
	return m.Value(), m.Set("exp", rhai.Int(now.Add(time.Duration(s*float64(time.Second))).Unix()))
}

// jwtRules is what a token must fulfil.
type jwtRules struct {
	algorithms []picloud.Algorithm
	aud, iss   string
	leeway     time.Duration
}

func jwtRulesOf(c *rhai.Call, options rhai.Value) (r jwtRules, err error) {
	if err := onlyOptions(c, options, "alg", "aud", "iss", "leeway"); err != nil {
		return r, err
	}
	list, ok := options.Get("alg")
	if !ok || list.IsUnit() {
		return r, c.Fail("jwt::verify needs alg: the algorithm that tokens must be signed with, or an array of them")
	}
	names := []rhai.Value{list}
	if list.Kind() == rhai.ArrayKind {
		names = slices.Collect(list.Elems())
	}
	for _, v := range names {
		a, err := jwtAlgorithm(c, v)
		if err != nil {
			return r, err
		}
		if len(r.algorithms) > 0 && symmetric(a) != symmetric(r.algorithms[0]) {
			return r, c.Fail("one key is not for algorithms with one key and with two: %s and %s", r.algorithms[0], a)
		}
		r.algorithms = append(r.algorithms, a)
	}
	for name, to := range map[string]*string{"aud": &r.aud, "iss": &r.iss} {
		if v, ok := options.Get(name); ok && !v.IsUnit() {
			if *to, ok = v.AsString(); !ok || *to == "" {
				return r, c.Fail("%s is a text that the token must have", name)
			}
		}
	}
	if v, ok := options.Get("leeway"); ok && !v.IsUnit() {
		s, ok := seconds(v)
		if !ok || s < 0 || s > maxLeeway.Seconds() {
			return r, c.Fail("leeway is by how many seconds clocks may differ: a number from 0 to %v", maxLeeway.Seconds())
		}
		r.leeway = time.Duration(s * float64(time.Second))
	}
	return r, nil
}

func jwtVerify(c *rhai.Call) error {
	r, err := jwtRulesOf(c, c.Arg(2))
	if err != nil {
		return err
	}
	token := text(c, 0)
	if len(token) > maxToken {
		return c.Fail("the token has more than %d bytes", maxToken)
	}
	if err := work(c, len(token), 2*len(token)); err != nil {
		return err
	}
	alg, message, body, signature, problem := readToken(token)
	if problem != "" {
		return c.Fail("%s", problem)
	}
	if !slices.Contains(r.algorithms, alg) {
		return c.Fail("the token is signed with %q, and not with %v", clip(string(alg)), r.algorithms)
	}
	right := false
	if hiddenOf(c.Arg(1)) != nil {
		right, err = isSignedWithSecret(c, c.Arg(1), alg, message, signature)
	} else {
		var want []byte
		want, err = jwtMAC(c, alg, data(c, 1), message)
		right = err == nil && hmac.Equal(want, signature)
	}
	if err != nil {
		return err
	}
	if !right {
		return c.Fail("the signature of the token is wrong")
	}
	claims, err := parseJSON(c, body)
	if err != nil {
		return err
	}
	if claims.Kind() != rhai.MapKind {
		return c.Fail("the token holds no claims")
	}
	if problem := r.refuse(claims, invocation(c).Now()); problem != "" {
		return c.Fail("%s", problem)
	}
	return c.Return(claims)
}

// readToken takes a token apart. problem says why it is none.
func readToken(token string) (alg picloud.Algorithm, message, body, signature []byte, problem string) {
	const none = "this is not a token"
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", nil, nil, nil, none
	}
	strict := base64.RawURLEncoding.Strict()
	var decoded [3][]byte
	for i, p := range parts {
		var err error
		if decoded[i], err = strict.DecodeString(p); err != nil || strings.ContainsAny(p, "\r\n") {
			return "", nil, nil, nil, none
		}
	}
	var head struct {
		Alg  string          `json:"alg"`
		Crit json.RawMessage `json:"crit"`
		B64  json.RawMessage `json:"b64"`
	}
	if json.Unmarshal(decoded[0], &head) != nil || head.Alg == "" {
		return "", nil, nil, nil, none
	}
	if head.Crit != nil || head.B64 != nil {
		return "", nil, nil, nil, "the token asks for what is not known here (crit)"
	}
	return picloud.Algorithm(head.Alg), []byte(parts[0] + "." + parts[1]), decoded[1], decoded[2], ""
}

// refuse is why claims do not hold now, or "".
func (r jwtRules) refuse(claims rhai.Value, now time.Time) string {
	at := float64(now.UnixNano()) / 1e9
	if v, ok := claims.Get("exp"); ok {
		if exp, ok := seconds(v); !ok || at >= exp+r.leeway.Seconds() {
			return "the token has expired"
		}
	}
	if v, ok := claims.Get("nbf"); ok {
		if nbf, ok := seconds(v); !ok || at < nbf-r.leeway.Seconds() {
			return "the token is not good yet"
		}
	}
	if v, _ := claims.Get("iss"); r.iss != "" {
		if iss, ok := v.AsString(); !ok || iss != r.iss {
			return "the token is from somebody else (iss)"
		}
	}
	if r.aud != "" && !r.isFor(claims) {
		return "the token is for somebody else (aud)"
	}
	return ""
}

// isFor reports whether the audience is among those of the claims.
func (r jwtRules) isFor(claims rhai.Value) bool {
	v, _ := claims.Get("aud")
	if s, ok := v.AsString(); ok {
		return s == r.aud
	}
	if v.Kind() != rhai.ArrayKind {
		return false
	}
	for x := range v.Elems() {
		if s, ok := x.AsString(); ok && s == r.aud {
			return true
		}
	}
	return false
}
