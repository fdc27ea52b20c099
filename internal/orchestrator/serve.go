package orchestrator

import (
	"context"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/webhook"
)

// ServeHTTP answers a request of the public.
func (o *Orchestrator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := o.ids.of(r.Header)
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			o.logPanic(r.Context(), id, v)
			write(w, newProblem(http.StatusInternalServerError, picloud.CodeInternal, details[picloud.CodeInternal], id), id)
		}
	}()
	if !o.inflight.begin() {
		w.Header().Set("Connection", "close")
		write(w, refusal(errStopping(), id), id)
		return
	}
	defer o.inflight.end()
	if resp := o.serve(w, r, id); resp != nil {
		dropBody(w, r)
		write(w, resp, id)
	}
}

// unreadTime is how long a client may go on sending a body that nobody reads
// before its connection is closed.
const unreadTime = time.Second

// dropBody prepares for an answer to a request whose body was not read to its
// end. The server reads what is left of a small one, so that the client gets
// to see the answer; it must not wait for a client that sends nothing.
func dropBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadTime))
}

func errStopping() error {
	return &picloud.Error{Code: picloud.CodeUnavailable, Message: "the server is stopping", RetryAfter: retryAfter}
}

// serve leads a request to its script, and answers it. What it returns is yet
// to be written.
func (o *Orchestrator) serve(w http.ResponseWriter, r *http.Request, id string) *picloud.Response {
	if err := checkHead(r); err != nil {
		return refusal(err, id)
	}
	if r.URL.Path == "" && r.URL.Host != "" {
		r.URL.Path = "/" // "GET http://host HTTP/1.1" asks for it, as proxies know
	}
	path, err := normalPath(r.URL)
	if err != nil {
		return refusal(err, id)
	}
	t := o.table.Load()
	if t == nil {
		return refusal(&picloud.Error{Code: picloud.CodeUnavailable, Message: "the server is starting", RetryAfter: retryAfter}, id)
	}
	if name, ok := servesFile(r, path); ok {
		return o.serveFile(w, r, t, name, id)
	}
	if reserved(path) {
		return o.serveReserved(t, path, r, id)
	}
	a := t.app(r.Host)
	if a == nil {
		return refusal(errNoRoute(), id)
	}
	if r.Method == http.MethodOptions {
		if resp := a.preflight(r, path); resp != nil {
			return resp
		}
	}
	handler := a.find(r, path)
	route, ok := handler.(*route)
	if !ok {
		return unmatched(handler, r, id)
	}
	resp := o.serveRoute(w, r, t, a, route, path, id)
	if resp != nil && route.cors != nil {
		route.cors.mark(resp.Header, r.Header.Get("Origin")) // pages may read why they were refused
	}
	return resp
}

// serveRoute admits a request to a route, runs the script and answers. What it
// returns is yet to be written.
func (o *Orchestrator) serveRoute(w http.ResponseWriter, r *http.Request, t *table, a *app, route *route, path, id string) *picloud.Response {
	var by *knownCaller
	var token string
	if route.auth != picloud.AuthPublic {
		var err error
		if by, err = o.admit(t, a, route.auth, r); err != nil {
			return refusal(err, id)
		}
		token, _ = tokenOf(r) // it has one, and its header is about to lose it
	}
	if err := enabled(route.target); err != nil {
		return refusal(err, id)
	}
	var signature *webhook.Signature
	if route.hook != nil {
		var err error
		if signature, err = webhook.Read(route.hook.spec, r.Header); err != nil {
			return o.refuseWebhook(r.Context(), route, o.newRequest(r, path), id, err)
		}
	}
	b, err := o.readBody(w, r, route.limits.RequestBytes)
	if err != nil {
		return refusal(err, id)
	}
	defer b.release()
	request := o.newRequest(r, path)
	request.Params, request.Body, request.Auth = route.params(path), b.bytes(), by.seen()
	var delivery *picloud.Delivery
	if signature != nil {
		if delivery, err = o.accept(r.Context(), route, signature, b.bytes()); err != nil {
			return o.refuseWebhook(r.Context(), route, request, id, err)
		}
	}
	held, again, err := o.hold(r.Context(), route, by, request)
	if err != nil {
		return refusal(err, id)
	}
	if again != nil {
		return again
	}
	defer held.release(r.Context())
	if route.async && prefersAsync(r.Header) {
		return o.serveLater(r.Context(), acceptance{target: route.target, auth: route.auth, request: request, delivery: delivery, held: held}, by, id)
	}
	resp, record, err := o.invoke(r.Context(), route.target, picloud.TriggerHTTP, request, id, delivery, held)
	if err != nil {
		return refusal(err, id)
	}
	b.release() // a client that is slow to take the answer holds no body
	if route.cors != nil {
		route.cors.mark(resp.Header, r.Header.Get("Origin"))
	}
	if resp.Stream == nil {
		write(w, resp, id)
	}
	if record != nil {
		o.recorder.add(record)
	}
	o.touch(r.Context(), by)
	if resp.Stream == nil {
		return nil
	}
	return o.serveStream(w, r, t, route, resp, id, token)
}

// serveReserved answers what is PiCloud's own.
func (o *Orchestrator) serveReserved(t *table, path string, r *http.Request, id string) *picloud.Response {
	if strings.HasPrefix(path, AsyncPath) {
		return o.serveAsync(t, path, r, id)
	}
	switch path {
	case ReadyPath:
		return o.health()
	case TLSAskPath:
		if resp := o.tlsAsk(t, r); resp != nil {
			return resp
		}
	}
	return refusal(errNoRoute(), id)
}

func errNoRoute() error { return picloud.Errorf(picloud.CodeNotFound, "there is nothing here") }

// enabled refuses a script that is switched off.
func enabled(t *target) error {
	if t.script.Enabled {
		return nil
	}
	return picloud.Errorf(picloud.CodeScriptDisabled, "the script is switched off")
}

// run runs a script once it has a slot. An error means that it has not run.
func (o *Orchestrator) run(ctx context.Context, t *target, j *job) (*picloud.Outcome, error) {
	if err := t.meter.admit(); err != nil {
		return nil, err
	}
	if err := t.gate.enter(ctx, o.cfg.MaxWait); err != nil {
		return nil, err
	}
	defer t.gate.leave()
	return o.execute(ctx, j), nil
}

// execute has the executor run a script. A bug in it is an outcome.
func (o *Orchestrator) execute(ctx context.Context, j *job) (out *picloud.Outcome) {
	defer func() {
		if v := recover(); v != nil {
			o.logPanic(ctx, j.ID, v)
			out = &picloud.Outcome{Error: &picloud.ScriptError{Code: picloud.CodeInternal, Message: "the executor panicked"}}
		}
	}()
	j.host.calls.begin()
	out = o.cfg.Executor.Run(ctx, &j.Execution, &j.host)
	j.host.meter.ran(out.Operations)
	j.host.hushed.outcome(out)
	return out
}

func (o *Orchestrator) logPanic(ctx context.Context, id string, v any) {
	o.cfg.Log.ErrorContext(ctx, "a request made the server panic", "request_id", id, "panic", v, "stack", string(debug.Stack()))
}

// unmatched answers what a mux does not lead to a script: no route, a method
// that no route has, or a path that lacks its final slash.
func unmatched(h http.Handler, r *http.Request, id string) *picloud.Response {
	rec := muxAnswer{header: http.Header{}}
	h.ServeHTTP(&rec, r)
	switch {
	case rec.status == http.StatusMethodNotAllowed:
		allow := rec.header.Get("Allow")
		if !strings.Contains(allow, http.MethodOptions) {
			allow += ", " + http.MethodOptions
		}
		resp := &picloud.Response{Status: http.StatusNoContent, Header: http.Header{}}
		if r.Method != http.MethodOptions {
			resp = refusal(picloud.Errorf(picloud.CodeMethodNotAllowed, "the method is not one of %s", allow), id)
		}
		resp.Header.Set("Allow", allow)
		return resp
	case rec.status >= 300 && rec.status < 400:
		return &picloud.Response{Status: rec.status, Header: http.Header{"Location": rec.header["Location"]}}
	}
	return refusal(errNoRoute(), id)
}

// muxAnswer takes what a mux answers by itself.
type muxAnswer struct {
	header http.Header
	status int
}

func (m *muxAnswer) Header() http.Header         { return m.header }
func (m *muxAnswer) Write(b []byte) (int, error) { return len(b), nil }
func (m *muxAnswer) WriteHeader(status int)      { m.status = status }

// Bodies above largeBody do not fit what the system buffers: their client must
// read, and has slowClient to do so.
const (
	largeBody  = 64 << 10
	slowClient = time.Minute
)

// countedByServer is a length of which every server of ours finds out by
// itself: net/http's smaller one.
const countedByServer = 2 << 10

var noSniff = []string{"nosniff"}

// write sends a response. The client may be gone: that is no concern of ours.
func write(w http.ResponseWriter, resp *picloud.Response, id string) {
	h := w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	// One piece of memory for the values that every answer has.
	fixed := [2]string{id, ""}
	h[idHeader] = fixed[:1:1]
	if _, set := h["X-Content-Type-Options"]; !set {
		h["X-Content-Type-Options"] = noSniff
	}
	// The server counts what fits into its buffer by itself.
	if len(resp.Body) > countedByServer && resp.Status != http.StatusNoContent && resp.Status != http.StatusNotModified {
		fixed[1] = strconv.Itoa(len(resp.Body))
		h["Content-Length"] = fixed[1:]
	}
	if len(resp.Body) > 0 && h["Content-Type"] == nil {
		h["Content-Type"] = []string{"application/octet-stream"}
	}
	if len(resp.Body) <= largeBody {
		w.WriteHeader(resp.Status)
		_, _ = w.Write(resp.Body)
		return
	}
	control := http.NewResponseController(w)
	bounded := control.SetWriteDeadline(time.Now().Add(slowClient)) == nil
	w.WriteHeader(resp.Status)
	_, _ = w.Write(resp.Body)
	_ = control.Flush()
	if bounded {
		_ = control.SetWriteDeadline(time.Time{})
	}
}
