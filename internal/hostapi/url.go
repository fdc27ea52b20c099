package hostapi

import (
	"net/url"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// urlModule reads and writes URLs: url::parse(s), url::encode(s) and decode(s)
// for one component, url::query(map) and parse_query(s) for a whole query.
func urlModule() *rhai.Module {
	return rhai.NewModule("url").
		Func("parse", params(rhai.StringType), parseURL, "the parts of a URL as a map").
		Func("encode", params(rhai.StringType), func(c *rhai.Call) error {
			s := text(c, 0)
			if err := work(c, len(s), 3*len(s)); err != nil {
				return err
			}
			return returnText(c, encodeComponent(s))
		}, "text for a path segment or a value of a query").
		Func("decode", params(rhai.StringType), func(c *rhai.Call) error {
			s := text(c, 0)
			if err := work(c, len(s), len(s)); err != nil {
				return err
			}
			out, err := url.PathUnescape(s)
			if err != nil {
				return c.Fail("%q is not percent-encoded", clip(s))
			}
			return returnText(c, valid(out))
		}, "the text behind what url::encode made").
		Func("query", params(rhai.MapType), writeQuery, "a query from a map; arrays give a name several values").
		Func("parse_query", params(rhai.StringType), func(c *rhai.Call) error {
			s := strings.TrimPrefix(text(c, 0), "?")
			if err := work(c, len(s), len(s)); err != nil {
				return err
			}
			values, err := url.ParseQuery(s)
			if err != nil {
				return c.Fail("%q is not a query", clip(s))
			}
			return returnFields(c, &fields{values: values})
		}, "a query as fields, like req.query")
}

// encodeComponent escapes everything but what RFC 3986 leaves unreserved.
func encodeComponent(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

func parseURL(c *rhai.Call) error {
	s := text(c, 0)
	if err := work(c, len(s), 2*len(s)); err != nil {
		return err
	}
	u, err := url.Parse(s)
	if err != nil {
		return c.Fail("%q is not a URL", clip(s))
	}
	password, _ := u.User.Password()
	return returnAny(c, map[string]string{
		"scheme": u.Scheme, "username": valid(u.User.Username()), "password": valid(password), "host": u.Host,
		"hostname": u.Hostname(), "port": u.Port(), "path": valid(u.Path), "query": u.RawQuery, "fragment": valid(u.Fragment),
	})
}

func writeQuery(c *rhai.Call) error {
	var b strings.Builder
	add := func(name string, v rhai.Value) error {
		s, err := c.Text(v)
		if err != nil {
			return err
		}
		if err := work(c, len(name)+len(s), b.Len()+3*(len(name)+len(s))); err != nil {
			return err
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(encodeComponent(name) + "=" + encodeComponent(s))
		return nil
	}
	for name, v := range c.Arg(0).Entries() {
		if v.Kind() != rhai.ArrayKind {
			if err := add(name, v); err != nil {
				return err
			}
			continue
		}
		for x := range v.Elems() {
			if err := add(name, x); err != nil {
				return err
			}
		}
	}
	return returnText(c, b.String())
}
