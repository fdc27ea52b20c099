package hostapi

import (
	"net/http"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// addCookie registers .cookie(name, value[, options]) of responses.
func addCookie(m *rhai.Module) {
	m.Func("cookie", params(responseType, rhai.StringType, rhai.StringType), setCookie, "sets a cookie")
	m.Func("cookie", params(responseType, rhai.StringType, rhai.StringType, rhai.MapType), setCookie,
		"sets a cookie with #{path, domain, max_age, secure, http_only, same_site}")
}

// setCookie sets a cookie that, unless told otherwise, goes to the whole site,
// is out of reach of the page's JavaScript and is not sent from other sites.
func setCookie(c *rhai.Call) error {
	ck := &http.Cookie{
		Name: text(c, 1), Value: text(c, 2), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: invocation(c).Execution.Request.Scheme == "https",
	}
	if err := work(c, len(ck.Name)+len(ck.Value), len(ck.Name)+len(ck.Value)); err != nil {
		return err
	}
	if c.N() > 3 {
		if err := cookieOptions(c, ck, c.Arg(3)); err != nil {
			return err
		}
	}
	if ck.SameSite == http.SameSiteNoneMode {
		ck.Secure = true // browsers drop it otherwise
	}
	// net/http would drop what it does not like of a cookie, without a word.
	if err := ck.Valid(); err != nil {
		return c.Fail("the cookie %q cannot be set: %s", clip(ck.Name), strings.TrimPrefix(err.Error(), "http: "))
	}
	if err := receiver[*answer](c).add(c, "Set-Cookie", ck.String()); err != nil {
		return err
	}
	return c.Return(c.Arg(0))
}

func cookieOptions(c *rhai.Call, ck *http.Cookie, options rhai.Value) error {
	for name, v := range options.Entries() {
		ok := true
		switch name {
		case "path":
			ck.Path, ok = v.AsString()
		case "domain":
			ck.Domain, ok = v.AsString()
		case "max_age":
			ok = maxAge(ck, v)
		case "secure":
			ck.Secure, ok = v.AsBool()
		case "http_only":
			ck.HttpOnly, ok = v.AsBool()
		case "same_site":
			ok = sameSite(ck, v)
		default:
			return c.Fail("a cookie has no option %q (path, domain, max_age, secure, http_only, same_site)", clip(name))
		}
		if !ok {
			return c.Fail("the cookie option %q cannot be that %s", name, v.TypeName())
		}
	}
	return nil
}

// maxAge takes seconds; 0 or less removes the cookie.
func maxAge(ck *http.Cookie, v rhai.Value) bool {
	n, ok := v.AsInt()
	ck.MaxAge = int(max(-1, min(n, 400*24*3600))) // browsers keep none longer than 400 days
	if n == 0 {
		ck.MaxAge = -1
	}
	return ok
}

func sameSite(ck *http.Cookie, v rhai.Value) bool {
	s, _ := v.AsString()
	switch strings.ToLower(s) {
	case "lax":
		ck.SameSite = http.SameSiteLaxMode
	case "strict":
		ck.SameSite = http.SameSiteStrictMode
	case "none":
		ck.SameSite = http.SameSiteNoneMode
	default:
		return false
	}
	return true
}
