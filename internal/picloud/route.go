package picloud

import (
	"go/token"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of routes.
const (
	MaxRoutePath       = 512 // bytes of one path
	MaxRouteSegments   = 32
	MaxRoutesPerScript = 64
)

// ReservedPrefix is the first segment that PiCloud keeps for itself on every
// public host. A route with a wildcard there does not get such requests.
const ReservedPrefix = "/_picloud"

// FilesPath is below which the public files of an app are, on its hosts.
const FilesPath = ReservedPrefix + "/files/"

// methods lists the methods that a route may name.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
	http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Route leads requests of an app to one of its scripts.
//
// Path follows [http.ServeMux]: literal segments, {name} for one segment,
// {name...} for the rest at the end, {$} for the end of a path with a trailing
// slash, and a trailing slash for everything below. The most specific route
// wins; two of which neither is more specific conflict.
type Route struct {
	Method string    `json:"method"` // "" is any method; GET answers HEAD too
	Path   string    `json:"path"`
	Auth   RouteAuth `json:"auth"`
	CORS   string    `json:"cors"` // as CORS.String has it; "" lets no page of another origin read answers
	// Webhook is as Webhook.String has it; "" asks for no signature.
	Webhook string `json:"webhook"`
	// Async lets callers ask to be answered later.
	Async bool `json:"async"`
	// Idempotent has a request that is sent again with the same
	// Idempotency-Key be answered as before.
	Idempotent Idempotency `json:"idempotent"`
}

// Idempotency tells what a route makes of the Idempotency-Key.
type Idempotency string

// What a route makes of it.
const (
	IdempotentNever    Idempotency = ""         // it is a header like others
	IdempotentOptional Idempotency = "optional" // it counts when there is one
	IdempotentRequired Idempotency = "required" // a request without one is refused
)

// Valid reports whether i is one of them.
func (i Idempotency) Valid() bool {
	return i == IdempotentNever || i == IdempotentOptional || i == IdempotentRequired
}

// RouteAuth tells who may call a route.
type RouteAuth string

// Who may call a route. The check comes before the script.
const (
	AuthPublic RouteAuth = ""       // everybody
	AuthKey    RouteAuth = "key"    // an API key whose user belongs to the app, or reaches every app
	AuthMember RouteAuth = "member" // such a key, or such a user with a session
)

// Valid reports whether a is one of them.
func (a RouteAuth) Valid() bool { return a == AuthPublic || a == AuthKey || a == AuthMember }

// String is the word for it.
func (a RouteAuth) String() string {
	if a == AuthPublic {
		return "public"
	}
	return string(a)
}

// ParseRouteAuth reads the word: public, key or member.
func ParseRouteAuth(word string) (RouteAuth, error) {
	switch a := RouteAuth(word); {
	case word == AuthPublic.String():
		return AuthPublic, nil
	case a != AuthPublic && a.Valid():
		return a, nil
	}
	return "", Invalid("route", "auth is public, key or member, not %q", clip(ToText(word)))
}

// Pattern is the method and the path as [http.ServeMux] takes them:
// "GET /orders/{id}", or only the path for any method.
func (r Route) Pattern() string {
	if r.Method == "" {
		return r.Path
	}
	return r.Method + " " + r.Path
}

// String is the route as a user writes it: the pattern, and what is not the
// default as options: "POST /orders auth=key cors=https://shop.example".
func (r Route) String() string {
	s := r.Pattern()
	if r.Auth != AuthPublic {
		s += " auth=" + r.Auth.String()
	}
	if r.CORS != "" {
		s += " " + r.CORS
	}
	if r.Webhook != "" {
		s += " " + r.Webhook
	}
	if r.Async {
		s += " async"
	}
	switch r.Idempotent {
	case IdempotentOptional:
		s += " idempotent"
	case IdempotentRequired:
		s += " idempotent=required"
	}
	return s
}

// place is the route without its options: what there can be once.
func (r Route) place() Route { return Route{Method: r.Method, Path: r.Path} }

// DefaultRoute is where a script answers that names no route: /<name>, with
// every method.
func DefaultRoute(script string) Route { return Route{Path: "/" + script} }

// ParseRoute reads "[METHOD ]/path[ OPTION…]" and validates it. The options are
// auth= and those of [ParseCORS] and [ParseWebhook]. The error's field is
// "route".
func ParseRoute(s string) (Route, error) {
	if !utf8.ValidString(s) {
		return Route{}, Invalid("route", "the route is not valid UTF-8")
	}
	words := strings.Split(strings.TrimSpace(s), " ")
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	var r Route
	if len(words) > 1 && !strings.HasPrefix(words[0], "/") {
		r.Method, words = words[0], words[1:]
	}
	if len(words) > 0 {
		r.Path, words = words[0], words[1:]
	}
	if err := r.parseOptions(words); err != nil {
		return r, err
	}
	return r, r.Validate()
}

func (r *Route) parseOptions(words []string) error {
	var cors, webhook []string
	for i, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch {
		case slices.ContainsFunc(words[:i], func(o string) bool { n, _, _ := strings.Cut(o, "="); return n == name }):
			return Invalid("route", "the option %q is there twice", clip(name))
		case name == "auth":
			a, err := ParseRouteAuth(value)
			if err != nil {
				return err
			}
			r.Auth = a
		case strings.HasPrefix(name, "cors"):
			cors = append(cors, w)
		case strings.HasPrefix(name, "webhook"):
			webhook = append(webhook, w)
		case w == "async":
			r.Async = true
		case w == "idempotent":
			r.Idempotent = IdempotentOptional
		case w == "idempotent=required":
			r.Idempotent = IdempotentRequired
		case name == "async" || name == "idempotent":
			return Invalid("route", "the options are written async, idempotent and idempotent=required, not %q", clip(ToText(w)))
		default:
			return Invalid("route", "%q is neither a path nor an option of a route; the options are auth=, cors=, webhook=, async and idempotent", clip(ToText(w)))
		}
	}
	c, err := ParseCORS(strings.Join(cors, " "))
	if err != nil {
		return err
	}
	signed, err := ParseWebhook(strings.Join(webhook, " "))
	r.CORS, r.Webhook = c.String(), signed.String()
	return err
}

// Validate refuses a route that could never match, could match what its author
// did not mean, or is PiCloud's own.
func (r Route) Validate() error {
	if err := validateMethod(r.Method); err != nil {
		return err
	}
	if !r.Auth.Valid() {
		return Invalid("route", "auth is public, key or member")
	}
	if !r.Idempotent.Valid() {
		return Invalid("route", "idempotent is optional or required")
	}
	if _, err := ParseCORS(r.CORS); err != nil {
		return err
	}
	if _, err := ParseWebhook(r.Webhook); err != nil {
		return err
	}
	return validatePath(r.Path)
}

func validateMethod(m string) error {
	switch {
	case m == "" || slices.Contains(methods, m):
		return nil
	case slices.Contains(methods, strings.ToUpper(m)):
		return Invalid("route", "the method is written in capitals: %s", strings.ToUpper(m))
	default:
		return Invalid("route", "%q is not a method that a route can have (%s)", clip(strings.ToValidUTF8(m, "�")), strings.Join(methods, ", "))
	}
}

func validatePath(path string) error {
	switch {
	case path == "":
		return Invalid("route", "the route has no path")
	case !utf8.ValidString(path):
		return Invalid("route", "the path is not valid UTF-8")
	case len(path) > MaxRoutePath:
		return Invalid("route", "the path has %d bytes, at most %d are allowed", len(path), MaxRoutePath)
	case path[0] != '/':
		return Invalid("route", "the path %q does not start with /", clip(path))
	}
	for _, c := range path {
		if why := refusedRune(c); why != "" {
			return Invalid("route", "the path %q holds %q: %s", path, c, why)
		}
	}
	if path == ReservedPrefix || strings.HasPrefix(path, ReservedPrefix+"/") {
		return Invalid("route", "paths under %s are PiCloud's own", ReservedPrefix)
	}
	return validateSegments(path)
}

// refusedRune says why a character cannot be in a path, or "".
func refusedRune(c rune) string {
	switch {
	case c == '%':
		return "write the character itself, not its escape"
	case c == '?' || c == '#':
		return "a route is a path without a query or fragment"
	case c == '\\':
		return "segments are separated by /"
	case c == ';':
		return "path parameters are not supported"
	case unicode.IsSpace(c) || unicode.IsControl(c) || !unicode.IsPrint(c):
		return "spaces and invisible characters are not allowed"
	}
	return ""
}

func validateSegments(path string) error {
	segments := strings.Split(path[1:], "/")
	if len(segments) > MaxRouteSegments {
		return Invalid("route", "the path has %d segments, at most %d are allowed", len(segments), MaxRouteSegments)
	}
	seen := map[string]bool{}
	for i, seg := range segments {
		last := i == len(segments)-1
		if seg == "" {
			if last {
				continue // a trailing slash: everything below
			}
			return Invalid("route", "the path %q has an empty segment", path)
		}
		if err := validateSegment(path, seg, last, seen); err != nil {
			return err
		}
	}
	return nil
}

// validateSegment refuses one segment; seen holds the wildcards before it.
func validateSegment(path, seg string, last bool, seen map[string]bool) error {
	if seg == "." || seg == ".." {
		return Invalid("route", "the path %q holds a %q segment", path, seg)
	}
	if !strings.ContainsAny(seg, "{}") {
		return nil
	}
	if seg[0] != '{' || seg[len(seg)-1] != '}' || strings.ContainsAny(seg[1:len(seg)-1], "{}") {
		return Invalid("route", "in %q: a wildcard is a whole segment, like {name}, not %q", path, seg)
	}
	name := seg[1 : len(seg)-1]
	name, rest := strings.CutSuffix(name, "...")
	if (rest || name == "$") && !last {
		return Invalid("route", "in %q: %s can only be the last segment", path, seg)
	}
	if name == "$" && !rest {
		return nil
	}
	if !token.IsIdentifier(name) && !token.IsKeyword(name) {
		return Invalid("route", "in %q: %q is not a name; use letters, digits and _", path, name)
	}
	if seen[name] {
		return Invalid("route", "in %q: the wildcard %q is there twice", path, name)
	}
	seen[name] = true
	return nil
}

// RouteTable finds conflicts between the routes of one app, by the rules of
// [http.ServeMux] itself. The zero value is empty. It is not safe for
// concurrent use.
type RouteTable struct {
	mux    *http.ServeMux
	owners map[Route]string
	order  []Route
}

// Add enters a valid route for a script. When it conflicts with a route that
// is there, it is not entered and the error, with CodeRouteConflict, names
// the other route and its script. The same route twice for the same script is
// a conflict too.
func (t *RouteTable) Add(r Route, script string) error {
	if t.mux == nil {
		t.mux, t.owners = http.NewServeMux(), map[Route]string{}
	}
	if other, taken := t.owners[r.place()]; taken {
		return routeConflict(r, r, script, other)
	}
	if !register(t.mux, r) {
		return t.conflict(r, script)
	}
	t.owners[r.place()] = script
	t.order = append(t.order, r)
	return nil
}

// conflict finds the route that r cannot live with.
func (t *RouteTable) conflict(r Route, script string) error {
	for _, other := range t.order {
		pair := http.NewServeMux()
		if register(pair, other) && !register(pair, r) {
			return routeConflict(r, other, script, t.owners[other.place()])
		}
	}
	return Invalid("route", "the route %q cannot be served", r)
}

func routeConflict(r, other Route, script, owner string) error {
	r, other = r.place(), other.place()
	msg := Errorf(CodeRouteConflict, "the route %q conflicts with %q of script %q: some requests match both, and neither is more specific", r, other, owner)
	switch {
	case r == other && script == owner:
		msg.Message = "the route \"" + r.String() + "\" is listed twice"
	case r == other:
		msg = Errorf(CodeRouteConflict, "the route %q belongs to script %q already", r, owner)
	}
	msg.Field = "route"
	return msg
}

// register reports whether a mux takes the route. ServeMux tells a conflict by
// a panic, and has no other way of asking.
func register(mux *http.ServeMux, r Route) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	mux.Handle(r.Pattern(), http.NotFoundHandler())
	return true
}
