package orchestrator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

// The headers of the protocol, in canonical form.
const (
	allowOrigin      = "Access-Control-Allow-Origin"
	allowCredentials = "Access-Control-Allow-Credentials"
	corsPrefix       = "Access-Control-"
)

// cors is a route's policy, ready to be answered with.
type cors struct {
	policy  picloud.CORS
	any     bool // every origin
	expose  string
	methods string
	headers string
	maxAge  string
}

// newCORS is the policy of a route; nil when it lets nobody.
func newCORS(r picloud.Route) (*cors, error) {
	p, err := picloud.ParseCORS(r.CORS)
	if err != nil || !p.Enabled() {
		return nil, err
	}
	age := p.MaxAge
	if age == 0 {
		age = picloud.DefaultCORSAge
	}
	return &cors{
		policy: p, any: p.Origins[0] == "*",
		expose:  strings.Join(p.Expose, ", "),
		methods: strings.Join(p.AllowedMethods(r), ", "),
		headers: strings.Join(p.AllowedHeaders(r), ", "),
		maxAge:  strconv.Itoa(age),
	}, nil
}

// mark puts into an answer whether the page that asked may read it. What a
// script says of that itself does not count: the route says it.
func (c *cors) mark(h http.Header, origin string) {
	for name := range h {
		if strings.HasPrefix(name, corsPrefix) {
			delete(h, name)
		}
	}
	if !c.any {
		h["Vary"] = append(slices.Clip(h["Vary"]), "Origin") // the answer is not for every page
	}
	if !c.allow(h, origin) {
		return
	}
	if c.expose != "" {
		h.Set("Access-Control-Expose-Headers", c.expose)
	}
}

// allow lets an origin in, if it is one of those.
func (c *cors) allow(h http.Header, origin string) bool {
	switch {
	case origin == "":
		return false
	case c.any:
		h.Set(allowOrigin, "*")
		return true
	case !slices.Contains(c.policy.Origins, strings.ToLower(origin)):
		return false
	}
	h.Set(allowOrigin, origin)
	if c.policy.Credentials {
		h.Set(allowCredentials, "true")
	}
	return true
}

// preflight answers a browser that asks whether a page may send a request, if
// the route that the request would go to has a policy; nil otherwise, and then
// the question is a request like any other. Nothing of what the page may not do
// is in the answer, so that the browser refuses it.
func (a *app) preflight(r *http.Request, path string) *picloud.Response {
	origin, method := r.Header.Get("Origin"), r.Header.Get("Access-Control-Request-Method")
	if origin == "" || method == "" {
		return nil
	}
	asked := *r
	asked.Method = method
	route, ok := a.find(&asked, path).(*route)
	if !ok || route.cors == nil {
		return nil
	}
	c, h := route.cors, http.Header{"Vary": {"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}}
	if c.allow(h, origin) {
		h.Set("Access-Control-Allow-Methods", c.methods)
		h.Set("Access-Control-Allow-Headers", c.headers)
		h.Set("Access-Control-Max-Age", c.maxAge)
	}
	return &picloud.Response{Status: http.StatusNoContent, Header: h}
}
