package orchestrator

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/picloud/picloud/internal/picloud"
)

// Invoke runs the live version of a script on a request, as if it had come
// over the network and been led to it, and is its response. A script that
// fails is no error, but a response with a status of 500 or more. An error is
// a [picloud.Error]: the script is not there or switched off, the request is
// not one that it could get, or it is busy. The caller closes the response's
// body; the request's context is not looked at.
func (o *Orchestrator) Invoke(ctx context.Context, app, script string, r *http.Request) (*http.Response, error) {
	if !o.inflight.begin() {
		return nil, errStopping()
	}
	defer o.inflight.end()
	t, request, release, err := o.madeUp(ctx, app, script, r)
	if err != nil {
		return nil, err
	}
	defer release()
	id := o.ids.of(r.Header)
	resp, record, err := o.invoke(ctx, t, picloud.TriggerInvoke, request, id, nil, nil)
	if err != nil {
		return nil, err
	}
	if record != nil {
		o.recorder.add(record)
	}
	if resp.Stream != nil {
		resp.Body = []byte(": here follow the messages of the topic " + resp.Stream.Topic + "\n\n")
	}
	w := &memoryWriter{header: http.Header{}}
	write(w, resp, id)
	return w.response(r), nil
}

// madeUp is a request that did not come over the network as its script sees
// it. The caller releases its body when it is done with it.
func (o *Orchestrator) madeUp(ctx context.Context, app, script string, r *http.Request) (*target, *picloud.Request, func(), error) {
	t, a, err := o.find(app, script)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := enabled(t); err != nil {
		return nil, nil, nil, err
	}
	path, err := normalPath(r.URL)
	if err != nil {
		return nil, nil, nil, err
	}
	b, err := o.readBody(nil, r, t.limits.RequestBytes)
	if err != nil {
		return nil, nil, nil, err
	}
	r = r.Clone(ctx) // its header is changed
	request := o.newRequest(r, path)
	request.Body = b.bytes()
	// A path that a route of the script would take gives the parameters.
	if handler := a.find(r, path); handler != nil {
		if route, ok := handler.(*route); ok && route.target == t {
			request.Params = route.params(path)
		}
	}
	return t, request, b.release, nil
}

// find finds a script that is live.
func (o *Orchestrator) find(appName, script string) (*target, *app, error) {
	t := o.table.Load()
	if t == nil {
		return nil, nil, &picloud.Error{Code: picloud.CodeUnavailable, Message: "the server is starting", RetryAfter: retryAfter}
	}
	a := t.byName[appName]
	if a == nil {
		return nil, nil, picloud.NotFound("app", appName)
	}
	tg := t.scripts[scriptKey{a.ID, script}]
	if tg == nil {
		return nil, nil, picloud.NotFound("script", script)
	}
	return tg, a, nil
}

// memoryWriter keeps a response.
type memoryWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memoryWriter) Header() http.Header         { return m.header }
func (m *memoryWriter) WriteHeader(status int)      { m.status = status }
func (m *memoryWriter) Write(b []byte) (int, error) { return m.body.Write(b) }

func (m *memoryWriter) response(r *http.Request) *http.Response {
	return &http.Response{
		Status: http.StatusText(m.status), StatusCode: m.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: m.header, Body: io.NopCloser(&m.body), ContentLength: int64(m.body.Len()), Request: r,
	}
}
