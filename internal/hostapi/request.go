package hostapi

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// request is what `req` stands for. What a script does not look at is never
// made.
type request struct {
	*picloud.Request
	x       *picloud.Execution
	header  *fields
	query   *fields
	form    *form
	cookies map[string]string
	view    bodyView
}

// RequestValue makes the value of `req` for a run. The body is charged once,
// however often the value is made.
func (inv *Invocation) RequestValue(vm *rhai.VM) (rhai.Value, error) {
	size := objectSize
	if inv.request == nil {
		inv.request = &request{Request: inv.Execution.Request, x: inv.Execution, view: bodyView{raw: inv.Execution.Request.Body}}
		size += len(inv.request.Body)
	}
	return vm.Object(requestType, inv.request, size)
}

func (r *request) headers() *fields {
	if r.header == nil {
		h := r.Header
		if h == nil {
			h = http.Header{}
		}
		// net/http keeps it apart, but to a script it is a header.
		if r.Host != "" && h.Get("Host") == "" {
			h = h.Clone()
			h.Set("Host", r.Host)
		}
		r.header = &fields{values: h, key: headerKey, show: showHeader}
	}
	return r.header
}

// headerKey is the canonical form of a header's name; as a property it is
// written with underscores: req.headers.content_type.
func headerKey(name string) string {
	return textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
}

// showHeader is a header's name as it is listed.
func showHeader(name string) string { return strings.ToLower(name) }

// queryFields reads the query as browsers write it. What cannot be decoded is
// left out, as net/url does.
func (r *request) queryFields() *fields {
	if r.query == nil {
		r.query = &fields{query: r.RawQuery, lazy: true}
	}
	return r.query
}

// cookieMap holds the first cookie of each name.
func (r *request) cookieMap() map[string]string {
	if r.cookies == nil {
		r.cookies = map[string]string{}
		for _, line := range r.Header["Cookie"] {
			list, err := http.ParseCookie(line)
			if err != nil {
				list = lenientCookies(line)
			}
			for _, ck := range list {
				if _, twice := r.cookies[valid(ck.Name)]; !twice {
					r.cookies[valid(ck.Name)] = valid(ck.Value)
				}
			}
		}
	}
	return r.cookies
}

// lenientCookies reads what it can of a header that is not wholly right.
func lenientCookies(line string) []*http.Cookie {
	var list []*http.Cookie
	for part := range strings.SplitSeq(line, ";") {
		one, err := http.ParseCookie(strings.TrimSpace(part))
		if err == nil {
			list = append(list, one...)
		}
	}
	return list
}

// addRequest registers the properties and methods of `req`.
func addRequest(m *rhai.Module) {
	addRequestTexts(m)
	addRequestBody(m)
	m.Getter(requestType, "params", func(c *rhai.Call) error {
		b := c.NewMap()
		for _, p := range receiver[*request](c).Params {
			v, err := c.String(p.Value)
			if err != nil {
				return err
			}
			if err := b.Set(p.Name, v); err != nil {
				return err
			}
		}
		return c.Return(b.Value())
	})
	m.Getter(requestType, "headers", func(c *rhai.Call) error { return returnFields(c, receiver[*request](c).headers()) })
	m.Getter(requestType, "query", func(c *rhai.Call) error {
		r := receiver[*request](c)
		if r.query == nil {
			if err := work(c, len(r.RawQuery), len(r.RawQuery)); err != nil {
				return err
			}
		}
		return returnFields(c, r.queryFields())
	})
	m.Getter(requestType, "cookies", func(c *rhai.Call) error {
		if err := c.Charge(len(receiver[*request](c).Header["Cookie"])); err != nil {
			return err
		}
		return returnAny(c, receiver[*request](c).cookieMap())
	})
	m.Getter(requestType, "auth", func(c *rhai.Call) error {
		by := receiver[*request](c).Auth
		if by == nil {
			return nil
		}
		fields := map[string]any{"kind": string(by.Kind), "user": by.User, "key": nil, "role": by.Role}
		if by.Key != "" {
			fields["key"] = by.Key
		}
		return returnAny(c, fields)
	})
	m.Getter(requestType, "version", func(c *rhai.Call) error {
		return c.Return(rhai.Int(int64(receiver[*request](c).x.Version)))
	})
}

// addRequestTexts registers the properties that are simple strings.
func addRequestTexts(m *rhai.Module) {
	for name, get := range map[string]func(*request) string{
		"method":       func(r *request) string { return r.Method },
		"scheme":       func(r *request) string { return r.Scheme },
		"host":         func(r *request) string { return r.Host },
		"path":         func(r *request) string { return r.Path },
		"query_string": func(r *request) string { return r.RawQuery },
		"url":          (*request).url,
		"ip":           func(r *request) string { return r.IP },
		"id":           func(r *request) string { return r.x.ID },
		"app":          func(r *request) string { return r.x.App },
		"script":       func(r *request) string { return r.x.Script },
	} {
		m.Getter(requestType, name, func(c *rhai.Call) error { return returnText(c, valid(get(receiver[*request](c)))) })
	}
}

// url is the whole address that was asked for.
func (r *request) url() string {
	u := url.URL{Scheme: r.Scheme, Host: r.Host, Path: r.Path, RawQuery: r.RawQuery}
	return u.String()
}

func returnFields(c *rhai.Call, f *fields) error {
	v, err := c.Object(fieldsType, f, objectSize)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// addRequestBody registers the views of the body.
func addRequestBody(m *rhai.Module) {
	m.Getter(requestType, "body", func(c *rhai.Call) error { return receiver[*request](c).view.natural(c) })
	m.Func("bytes", params(requestType), func(c *rhai.Call) error { return receiver[*request](c).view.asBytes(c) }, "the body as a blob")
	m.Func("text", params(requestType), func(c *rhai.Call) error { return receiver[*request](c).view.asText(c) },
		"the body as a string, with U+FFFD for what is not UTF-8")
	m.Func("json", params(requestType), func(c *rhai.Call) error {
		r := receiver[*request](c)
		v, err := parseJSON(c, r.Body)
		if err != nil {
			return badRequest(c, "the body is not JSON: "+err.Error(), err)
		}
		return c.Return(v)
	}, "the body read as JSON; a body that is none throws #{status: 400}")
	m.Func("form", params(requestType), func(c *rhai.Call) error {
		r := receiver[*request](c)
		if r.form == nil {
			if err := work(c, len(r.Body), len(r.Body)); err != nil {
				return err
			}
			f, err := readForm(r.Header.Get("Content-Type"), r.Body)
			if err != nil {
				return badRequest(c, "the body is not a form: "+err.Error(), err)
			}
			r.form = f
		}
		return returnForm(c, r.form)
	}, "the body read as a form, urlencoded or multipart; a body that is none throws #{status: 400}")
}

// badRequest is the error for a body that is not what the script asked for. A
// script that does not catch it answers 400. Limits and the end of the run
// stay what they are.
func badRequest(c *rhai.Call, message string, err error) error {
	if isLimit(err) {
		return err
	}
	v, verr := c.ToValue(map[string]any{"status": 400, "message": message})
	if verr != nil {
		return verr
	}
	return c.Throw(v)
}
