package executortest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// HTTP implements picloud.Host: it answers with what was asked for, as text.
// Hosts that begin with a code refuse the call with that.
func (s Shelf) HTTP(_ context.Context, c *picloud.HTTPCall) (*picloud.HTTPAnswer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	host := strings.TrimPrefix(c.URL.Visible(), "http://")
	for _, code := range []picloud.Code{picloud.CodeCallDenied, picloud.CodeCallFailed, picloud.CodeOutbound, picloud.CodeUnavailable} {
		if strings.HasPrefix(host, string(code)) {
			return nil, picloud.Errorf(code, "it is %s", code)
		}
	}
	a := &picloud.HTTPAnswer{Status: 207, URL: c.URL.Visible() + "#", Header: http.Header{"X-Many": {"1", "2"}, "Content-Type": {"text/plain"}}}
	if strings.HasPrefix(host, "octets") {
		a.Body = []byte{0, 255}
		return a, nil
	}
	if strings.HasPrefix(host, "large") {
		a.Body = make([]byte, 8<<20)
		return a, nil
	}
	a.Body = fmt.Appendf(nil, "%s %v %v %v %v", c.Method, c.Header, c.Body, c.Timeout, c.Follow)
	if c.Retry.Max > 0 {
		a.Body = fmt.Appendf(a.Body, " %+v", c.Retry)
	}
	return a, nil
}

func (h brokenHost) HTTP(context.Context, *picloud.HTTPCall) (*picloud.HTTPAnswer, error) {
	return nil, h.err
}

// HTTP implements picloud.Host.
func (d deaf) HTTP(context.Context, *picloud.HTTPCall) (*picloud.HTTPAnswer, error) {
	return nil, d.refuse("a call")
}

func outbound(t *testing.T, e Executor) {
	for source, want := range map[string]string{
		`http::get("http://a.example/").body`: "GET [] [] 0s true",
		`http::get("http://a.example/", #{ timeout: 2.5, follow: false, retry: #{ max: 3, backoff: 0.5 } }).text()`:                                                          "GET [] [] 2.5s false {Max:3 Backoff:500ms Unsafe:false}",
		`http::post("http://a.example/", #{ json: #{ a: [1, "é"] } }).body`:                                                                                                  `POST [{Content-Type [{application/json  }]}] [{{"a":[1,"é"]}  }] 0s true`,
		`http::put("http://a.example/", #{ headers: #{ x_a: ["1", 2] }, body: "b" }).body`:                                                                                   "PUT [{X-A [{1  }]} {X-A [{2  }]} {Content-Type [{text/plain; charset=utf-8  }]}] [{b  }] 0s true",
		`let a = http::request("OPTIONS", "http://a.example/", #{ query: #{ q: "ü &", r: [1, 2] } }); [a.status, a.url, a.ok, a.headers.x_many, a.headers.values("x-many")]`: `[207,"http://a.example/?q=%C3%BC%20%26&r=1&r=2#",true,"1",["1","2"]]`,
		`[type_of(http::get("http://octets/").body), http::get("http://octets/").bytes().len(), http::get("http://octets/").text().len()]`:                                   `["blob",2,2]`,
		`http::get("http://large/").text().len()`:                                           "8388608",
		`http::post("http://a.example/", #{ body: blob(1048576, 7) }).body.len() > 1048576`: "true",
		`let x = (); try { http::get("http://call_denied/") } catch (e) { x = e; } x`:       "GET http://call_denied/: it is call_denied",
		`let x = (); try { http::get("http://call_failed/") } catch (e) { x = e; } x`:       "GET http://call_failed/: it is call_failed",
		`let x = (); try { http::request("TRACE", "http://a/") } catch (e) { x = "no"; } x`: "no",
	} {
		if got := body(t, source, run(t, e, source)); got != want {
			t.Errorf("%s = %.300q, want %q", source, got, want)
		}
	}
	// Limits and a platform that is away are nothing to catch.
	fails(t, "too many", run(t, e, `try { http::get("http://outbound/") } catch { 1 }`), picloud.CodeOutbound)
	fails(t, "away", run(t, e, `try { http::get("http://unavailable/") } catch { 1 }`), picloud.CodeUnavailable)
}
