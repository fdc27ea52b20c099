package orchestrator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

// table is everything live, ready to be served. It is immutable.
type table struct {
	revision int64
	hosts    map[string]*app // by host name in lower case, without a port
	byName   map[string]*app
	fallback *app // answers on hosts that nobody claims
	scripts  map[scriptKey]*target
	byID     map[string]*target
	// subscribers are the scripts that get the messages of a topic.
	subscribers map[topicKey][]*target
	streams     map[topicKey]bool           // the topics that are streams
	outHosts    map[string]picloud.OutHosts // by app id
	replaced    chan struct{}               // closed when there is a newer table
	zones       []string                    // below which only apps answer: ".localhost" and the base domain's
	base        string                      // the base domain, or ""
	opened      opened                      // the secrets that have been used
	callers     known                       // those who have been looked up
}

type scriptKey struct{ appID, script string }

type topicKey struct{ appID, topic string }

// app is one app's routes.
type app struct {
	picloud.App
	mux     *http.ServeMux // its handlers are *route
	literal map[literalKey]*route
}

// target is a script at the version that is live.
type target struct {
	script  picloud.Script
	version picloud.Version
	limits  picloud.Limits // with the defaults filled in
	gate    *gate
	meter   *meter              // nil for an app without daily quotas
	lines   map[string]lineRule // by topic; "" for events that are not of one
}

// lineFor is the line that events wait in, and its rule. What is left over from
// topics that the script does not subscribe to any more is run all the same.
func (t *target) lineFor(trigger picloud.Trigger, source string) (lineKey, lineRule) {
	if rule, ok := t.lines[source]; ok && trigger == picloud.TriggerMessage {
		return lineKey{t.script.ID, source}, rule
	}
	return lineKey{t.script.ID, ""}, t.lines[""]
}

// rule is that of a line, also of one that there is no more.
func (t *target) rule(source string) lineRule {
	if rule, ok := t.lines[source]; ok {
		return rule
	}
	return t.lines[""]
}

// subscription is what an event of the script is handled by.
func (t *target) subscription(e picloud.Event) picloud.Subscription {
	for _, s := range t.version.Settings.Subscriptions {
		if e.Trigger == picloud.TriggerMessage && s.Topic == e.Source {
			return s
		}
	}
	for _, s := range t.version.Settings.Schedules {
		if e.Trigger == picloud.TriggerSchedule && s.Name == e.Source {
			return s.Retries()
		}
	}
	return picloud.Subscription{}
}

// route is a path pattern that leads to a script.
type route struct {
	*target
	wildcards []wildcard
	auth      picloud.RouteAuth
	cors      *cors // nil for none
	hook      *hook // nil for none
	// async lets callers be answered later; idempotent is what it makes of an
	// Idempotency-Key.
	async      bool
	idempotent picloud.Idempotency
}

// newRoute is a route ready to be served. A policy that cannot be read, which
// the store refuses, lets nobody.
func newRoute(t *target, r picloud.Route) *route {
	c, _ := newCORS(r)
	return &route{target: t, wildcards: wildcards(r.Path), auth: r.Auth, cors: c, hook: newHook(r), async: r.Async, idempotent: r.Idempotent}
}

// wildcard is where in a path a parameter is.
type wildcard struct {
	name    string
	segment int
	rest    bool // it takes the rest of the path
}

// ServeHTTP makes a route something that a mux takes. Nobody calls it: the mux
// is only asked.
func (*route) ServeHTTP(http.ResponseWriter, *http.Request) {}

// newTable makes a table of a snapshot.
func newTable(s *picloud.Snapshot, o *Orchestrator) *table {
	cfg, gates := o.cfg, &o.gates
	t := &table{
		revision: s.Revision, hosts: map[string]*app{}, byName: map[string]*app{}, scripts: map[scriptKey]*target{}, byID: map[string]*target{},
		subscribers: map[topicKey][]*target{}, streams: map[topicKey]bool{}, outHosts: s.OutHosts, replaced: make(chan struct{}),
		zones: []string{".localhost"},
	}
	if base := hostName(cfg.BaseDomain); base != "" && base != "localhost" {
		t.zones = append(t.zones, "."+base)
		t.base = base
	}
	for _, a := range s.Apps {
		served := &app{App: a, mux: http.NewServeMux(), literal: map[literalKey]*route{}}
		t.byName[a.Name] = served
		for _, zone := range t.zones {
			t.hosts[a.Name+zone] = served
		}
	}
	t.fallback = t.byName[picloud.DefaultApp]
	t.claim(s.Domains)
	for _, live := range s.Scripts {
		t.add(live, o)
	}
	gates.keep(t.scripts)
	return t
}

// claim has custom domains lead to their apps. Hosts that are the instance's
// own are not given away, even if they became so after somebody had them
// verified.
func (t *table) claim(domains []picloud.Domain) {
	for _, d := range domains {
		if a := t.byName[d.App]; a != nil && !t.own(d.Name) {
			t.hosts[d.Name] = a
		}
	}
}

// own reports whether a host is the instance's own: the base domain, or one
// below a zone.
func (t *table) own(host string) bool {
	return t.base != "" && host == t.base || slices.ContainsFunc(t.zones, func(zone string) bool { return strings.HasSuffix(host, zone) })
}

// known reports whether a host is one that the instance answers on by name, and
// that others can reach: what certificates may be asked for.
func (t *table) known(host string) bool {
	if strings.HasSuffix(host, ".localhost") {
		return false
	}
	return t.hosts[host] != nil || t.base != "" && host == t.base
}

func (t *table) add(live picloud.LiveScript, o *Orchestrator) {
	a := t.byName[live.Script.App]
	if a == nil {
		return
	}
	limits := live.Version.Settings.Limits.Or(o.cfg.Limits)
	tg := &target{
		script: live.Script, version: live.Version, limits: limits,
		gate: o.gates.of(live.Script.ID, limits), meter: o.meters.of(live.Script.AppID),
	}
	t.scripts[scriptKey{live.Script.AppID, live.Script.Name}] = tg
	t.byID[live.Script.ID] = tg
	t.subscribe(tg)
	for _, topic := range live.Version.Settings.Streams {
		t.streams[topicKey{live.Script.AppID, topic}] = true
	}
	for _, r := range live.Routes {
		if err := a.register(r, newRoute(tg, r)); err != nil {
			// The store refuses such routes, so this is a bug; the others are
			// served all the same.
			o.cfg.Log.Error("a stored route cannot be served", "app", a.Name, "script", live.Script.Name, "route", r.String(), "err", err)
		}
	}
}

// subscribe enters a script for the messages of its topics.
func (t *table) subscribe(tg *target) {
	tg.lines = map[string]lineRule{"": newLineRule(picloud.Subscription{}, tg.limits)}
	for _, s := range tg.version.Settings.Subscriptions {
		tg.lines[s.Topic] = newLineRule(s, tg.limits)
		key := topicKey{tg.script.AppID, s.Topic}
		t.subscribers[key] = append(t.subscribers[key], tg)
	}
}

// register enters a route. A mux tells a conflict by a panic.
func (a *app) register(r picloud.Route, h *route) (err any) {
	defer func() { err = recover() }()
	a.mux.Handle(r.Pattern(), h)
	if literal(r.Path) {
		a.literal[literalKey{r.Method, r.Path}] = h
	}
	return nil
}

// literal reports whether a pattern matches one path only, which is itself.
func literal(path string) bool {
	return !strings.ContainsAny(path, "{}%") && !strings.HasSuffix(path, "/")
}

// literalKey is a route without wildcards; a method of "" is any.
type literalKey struct{ method, path string }

// find is what the mux has for a request whose path is in normal form. No
// pattern comes before one that names the method and the whole path, and after
// that before one that names the path: those are looked up without asking the
// mux. HEAD may be GET's, so it is asked.
func (a *app) find(r *http.Request, path string) http.Handler {
	if r.Method != http.MethodHead {
		if h := a.literal[literalKey{r.Method, path}]; h != nil {
			return h
		}
		if h := a.literal[literalKey{"", path}]; h != nil {
			return h
		}
	}
	h, _ := a.mux.Handler(r)
	return h
}

// wildcards finds the parameters of a path pattern.
func wildcards(path string) []wildcard {
	var list []wildcard
	for i, segment := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		if len(segment) < 2 || segment[0] != '{' || segment == "{$}" {
			continue
		}
		name, rest := strings.CutSuffix(segment[1:len(segment)-1], "...")
		list = append(list, wildcard{name, i, rest})
	}
	return list
}

// params reads the parameters out of a path that matched.
func (r *route) params(path string) []picloud.Param {
	if len(r.wildcards) == 0 {
		return nil
	}
	list := make([]picloud.Param, len(r.wildcards))
	left := path[1:]
	at := 0
	for i, w := range r.wildcards {
		for ; at < w.segment; at++ {
			_, left, _ = strings.Cut(left, "/")
		}
		value := left
		if !w.rest {
			value, _, _ = strings.Cut(left, "/")
		}
		list[i] = picloud.Param{Name: w.name, Value: value}
	}
	return list
}

// app finds the app that answers on a host; nil if the host looks like an
// app's and there is none.
func (t *table) app(host string) *app {
	name := hostName(host)
	if a := t.hosts[name]; a != nil {
		return a
	}
	if name != t.base && t.own(name) {
		return nil
	}
	return t.fallback
}

// hostName is a host without its port and final dot, in lower case.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
