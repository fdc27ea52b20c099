package picloud

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a CORS policy.
const (
	maxCORSText    = 2 << 10
	maxCORSOrigins = 32
	maxCORSNames   = 32
	maxCORSAge     = 24 * 60 * 60
	// DefaultCORSAge is for how many seconds a browser remembers the answer to
	// a preflight.
	DefaultCORSAge = 600
)

// CORS tells which pages of other origins may read what a route answers. The
// zero value lets none. Methods and headers are only asked about by browsers,
// for what a page could not send anyway.
type CORS struct {
	Origins     []string // like https://shop.example, or "*" alone for all
	Methods     []string // empty means that of the route, or all of them
	Headers     []string // in lower case; empty means content-type, and authorization where the route asks for it
	Expose      []string // headers of answers that pages may read besides the usual ones
	Credentials bool     // pages may send cookies; not with "*"
	MaxAge      int      // seconds; 0 means DefaultCORSAge
}

// Enabled reports whether any page may read answers.
func (c CORS) Enabled() bool { return len(c.Origins) > 0 }

// String is the policy as options of a route, in one form; "" when none is
// let.
func (c CORS) String() string {
	if !c.Enabled() {
		return ""
	}
	words := []string{"cors=" + strings.Join(c.Origins, ",")}
	for name, list := range c.lists() {
		if len(*list) > 0 && name != "cors" {
			words = append(words, name+"="+strings.Join(*list, ","))
		}
	}
	slices.Sort(words[1:])
	if c.Credentials {
		words = append(words, "cors-credentials")
	}
	if c.MaxAge != 0 {
		words = append(words, "cors-max-age="+strconv.Itoa(c.MaxAge))
	}
	return strings.Join(words, " ")
}

// lists are the lists by the names of their options.
func (c *CORS) lists() map[string]*[]string {
	return map[string]*[]string{"cors": &c.Origins, "cors-methods": &c.Methods, "cors-headers": &c.Headers, "cors-expose": &c.Expose}
}

// ParseCORS reads the options cors=ORIGIN[,ORIGIN…], cors-methods=,
// cors-headers=, cors-expose=, cors-credentials and cors-max-age=SECONDS, and
// validates them. The error's field is "route".
func ParseCORS(text string) (CORS, error) {
	var c CORS
	if text == "" {
		return c, nil
	}
	if len(text) > maxCORSText {
		return c, Invalid("route", "the cors options have more than %d bytes", maxCORSText)
	}
	for _, word := range strings.Fields(text) {
		name, value, valued := strings.Cut(word, "=")
		list := c.lists()[name]
		switch {
		case list != nil && value != "":
			*list = strings.Split(value, ",")
		case name == "cors-credentials" && !valued:
			c.Credentials = true
		case name == "cors-max-age" && value != "":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return CORS{}, Invalid("route", "cors-max-age is a number of seconds, not %q", clip(ToText(value)))
			}
			c.MaxAge = n
		default:
			return CORS{}, Invalid("route", "%q is not an option for cors", clip(ToText(word)))
		}
	}
	if err := c.validate(); err != nil {
		return CORS{}, err
	}
	return c, nil
}

// validate refuses a policy that makes no sense, and puts it into its one form.
func (c *CORS) validate() error {
	if len(c.Origins) == 0 {
		return Invalid("route", "the cors options need cors= with the origins")
	}
	if len(c.Origins) > maxCORSOrigins || len(c.Methods)+len(c.Headers)+len(c.Expose) > 3*maxCORSNames {
		return Invalid("route", "the lists for cors are too long")
	}
	for i, o := range c.Origins {
		c.Origins[i] = strings.ToLower(o)
		if o == "*" && (len(c.Origins) > 1 || c.Credentials) {
			return Invalid("route", "cors=* goes neither with other origins nor with cors-credentials: it would let every page act for who looks at it")
		}
		if o != "*" && !isOrigin(c.Origins[i]) {
			return Invalid("route", "%q is not an origin like https://shop.example", clip(ToText(o)))
		}
	}
	for _, m := range c.Methods {
		if !slices.Contains(methods, m) {
			return Invalid("route", "cors-methods: %q is not a method that a route can have", clip(ToText(m)))
		}
	}
	for _, list := range [][]string{c.Headers, c.Expose} {
		for i, h := range list {
			if list[i] = strings.ToLower(h); !isToken(h) {
				return Invalid("route", "%q is not the name of a header", clip(ToText(h)))
			}
		}
	}
	if c.MaxAge > maxCORSAge {
		return Invalid("route", "cors-max-age is %d at most", maxCORSAge)
	}
	return nil
}

// isOrigin reports whether s is a scheme, a host and perhaps a port, as
// browsers write them.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == s && !strings.ContainsAny(s, "*\"\\")
}

func isToken(s string) bool {
	const allowed = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && strings.Trim(s, allowed) == ""
}

// AllowedMethods is what a preflight for a route with this policy answers.
func (c CORS) AllowedMethods(r Route) []string {
	switch {
	case len(c.Methods) > 0:
		return c.Methods
	case r.Method == http.MethodGet:
		return []string{http.MethodGet, http.MethodHead}
	case r.Method != "":
		return []string{r.Method}
	}
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// AllowedHeaders is the same for headers.
func (c CORS) AllowedHeaders(r Route) []string {
	switch {
	case len(c.Headers) > 0:
		return c.Headers
	case r.Auth != AuthPublic:
		return []string{"authorization", "content-type"}
	}
	return []string{"content-type"}
}
