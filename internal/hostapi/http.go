package hostapi

import (
	"net/http"
	"strconv"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// callCost is what a call to the outside costs in operations, besides what is
// copied.
const callCost = 1_000

// httpModule is http::get, head, post, put, patch, delete and request: calls to
// the outside. They are made at once, by the host, and are the one thing that a
// run that fails does not take back.
func httpModule() *rhai.Module {
	m := rhai.NewModule("http")
	for name, method := range map[string]string{
		"get": http.MethodGet, "head": http.MethodHead, "post": http.MethodPost, "put": http.MethodPut,
		"patch": http.MethodPatch, "delete": http.MethodDelete,
	} {
		about := "makes a " + method + " request and waits for the answer"
		for _, url := range []rhai.Type{rhai.StringType, secretType} {
			m.Func(name, params(url), func(c *rhai.Call) error { return httpCall(c, method, c.Arg(0), rhai.Unit()) }, about)
			m.Func(name, params(url, rhai.MapType), func(c *rhai.Call) error { return httpCall(c, method, c.Arg(0), c.Arg(1)) },
				about+": #{headers, query, json, form, body, timeout, retry, follow}")
		}
	}
	for _, url := range []rhai.Type{rhai.StringType, secretType} {
		m.Func("request", params(rhai.StringType, url), func(c *rhai.Call) error { return httpCall(c, text(c, 0), c.Arg(1), rhai.Unit()) },
			"makes a request with any method: request(method, url)")
		m.Func("request", params(rhai.StringType, url, rhai.MapType), func(c *rhai.Call) error { return httpCall(c, text(c, 0), c.Arg(1), c.Arg(2)) },
			"makes a request with any method: request(method, url, options)")
	}
	return m
}

func httpCall(c *rhai.Call, method string, address, options rhai.Value) error {
	call := &picloud.HTTPCall{Method: method, Follow: true}
	var err error
	if call.URL, _, err = pieces(c, address); err != nil {
		return err
	}
	if err := httpOptions(c, call, options); err != nil {
		return err
	}
	what := clip(method) + " " + clip(call.URL.Visible())
	if err := call.Validate(); err != nil {
		return outsideError(c, what, err)
	}
	if err := c.Charge(callCost + (call.Body.Size()+call.URL.Size())/bytesPerOperation); err != nil {
		return err
	}
	inv := invocation(c)
	if err := inv.outsideReady(); err != nil {
		return err
	}
	a, err := inv.Outside.HTTP(c.Context(), call)
	if err != nil {
		return outsideError(c, what, err)
	}
	return returnReply(c, a)
}

// reply is what a call was answered.
type reply struct {
	*picloud.HTTPAnswer
	header *fields
	body   bodyView
}

func returnReply(c *rhai.Call, a *picloud.HTTPAnswer) error {
	if err := work(c, len(a.Body), 0); err != nil {
		return err
	}
	size := objectSize + len(a.Body)
	for name, values := range a.Header {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	x := &reply{HTTPAnswer: a, header: &fields{values: a.Header, key: headerKey, show: showHeader}, body: bodyView{raw: a.Body}}
	v, err := c.Object(replyType, x, size)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// addReply registers what scripts do with an answer.
func addReply(m *rhai.Module) {
	on := func(c *rhai.Call) *reply { return receiver[*reply](c) }
	m.Getter(replyType, "status", func(c *rhai.Call) error { return c.Return(rhai.Int(int64(on(c).Status))) })
	m.Getter(replyType, "ok", func(c *rhai.Call) error { return c.Return(rhai.Bool(on(c).Status/100 == 2)) })
	m.Getter(replyType, "url", func(c *rhai.Call) error { return returnText(c, valid(on(c).URL)) })
	m.Getter(replyType, "headers", func(c *rhai.Call) error { return returnFields(c, on(c).header) })
	m.Getter(replyType, "body", func(c *rhai.Call) error { return on(c).body.natural(c) })
	m.Func("text", params(replyType), func(c *rhai.Call) error { return on(c).body.asText(c) }, "the body as a string, with U+FFFD for what is not UTF-8")
	m.Func("bytes", params(replyType), func(c *rhai.Call) error { return on(c).body.asBytes(c) }, "the body as a blob")
	m.Func("json", params(replyType), func(c *rhai.Call) error {
		v, err := parseJSON(c, on(c).Body)
		if err != nil && !isLimit(err) {
			return c.Fail("the answer of %s is not JSON: %s", clip(on(c).URL), err.Error())
		}
		if err != nil {
			return err
		}
		return c.Return(v)
	}, "the body read as JSON")
	// Scripts written for others wait for what they were promised.
	m.Func("wait", params(replyType), func(c *rhai.Call) error { return c.Return(c.Arg(0)) }, "the answer itself")
	show := func(c *rhai.Call) error {
		return returnText(c, "http_answer("+strconv.Itoa(on(c).Status)+")")
	}
	m.Func("to_string", params(replyType), show, "for logs")
	m.Func("to_debug", params(replyType), show, "for logs")
}
