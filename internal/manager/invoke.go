package manager

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// maxInvokeBody holds the largest request body that a script may be allowed,
// in base64.
const maxInvokeBody = 96 << 20

// invokeTimeout is above any wall time that a script can have.
const invokeTimeout = 20 * time.Minute

func (m *Manager) registerInvoke() {
	register(m, operation{
		id: "invoke-script", method: http.MethodPost, path: scriptPath + "/invoke", tag: "scripts", capability: access.Invoke,
		summary: "Run a script once on a made-up request", maxBody: maxInvokeBody, timeout: invokeTimeout,
	}, m.invoke)
}

type invokeInput struct {
	ScriptPath
	Body api.Invoke
}

type invokeOutput struct{ Body api.Invoked }

func (m *Manager) invoke(ctx context.Context, _ picloud.Principal, in *invokeInput) (*invokeOutput, error) {
	auditing(ctx).target(in.Script)
	r, err := invokeRequest(ctx, in)
	if err != nil {
		return nil, err
	}
	r.Host = AppHost(m.public, in.App)
	r.RemoteAddr = net.JoinHostPort(requestOf(ctx).address, "0")
	resp, err := m.invoker.Invoke(ctx, in.App, in.Script, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	out := &invokeOutput{Body: api.Invoked{
		InvocationID: resp.Header.Get("X-Request-Id"), Status: resp.StatusCode, Headers: headerList(resp.Header),
	}}
	if utf8.Valid(body) {
		out.Body.Body = string(body)
	} else {
		out.Body.BodyBase64 = base64.StdEncoding.EncodeToString(body)
	}
	return out, nil
}

// invokeRequest makes up the request that the script sees.
func invokeRequest(ctx context.Context, in *invokeInput) (*http.Request, error) {
	body, err := invokeBody(in.Body)
	if err != nil {
		return nil, err
	}
	method := in.Body.Method
	switch {
	case method == "" && len(body) > 0:
		method = http.MethodPost
	case method == "":
		method = http.MethodGet
	}
	target := in.Body.Path
	if target == "" {
		target = "/" + in.Script
	}
	u, err := url.ParseRequestURI(target)
	if err != nil || !strings.HasPrefix(target, "/") || strings.Contains(target, "#") {
		return nil, picloud.Invalid("path", "it is not a path that starts with /, perhaps with a query")
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://invoke.invalid", strings.NewReader(string(body)))
	if err != nil {
		return nil, picloud.Invalid("method", "it is not an HTTP method")
	}
	u.Scheme, u.Host = "", ""
	r.URL, r.RequestURI = u, target
	for i, h := range in.Body.Headers {
		if !validHeader(h) {
			return nil, picloud.Invalid(fmt.Sprintf("headers[%d]", i), "it is not a header that a request can have")
		}
		r.Header.Add(h.Name, h.Value)
	}
	return r, nil
}

func invokeBody(in api.Invoke) ([]byte, error) {
	if in.BodyBase64 == "" {
		return []byte(in.Body), nil
	}
	if in.Body != "" {
		return nil, picloud.Invalid("body_base64", "give the body once: as body or as body_base64")
	}
	body, err := base64.StdEncoding.DecodeString(in.BodyBase64)
	if err != nil {
		return nil, &picloud.Error{Code: picloud.CodeInvalid, Field: "body_base64", Message: "it is not base64", Err: errors.Unwrap(err)}
	}
	return body, nil
}

// validHeader reports whether a header could have come over the wire.
func validHeader(h api.Header) bool {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return h.Name != "" && strings.Trim(h.Name, token) == "" && !strings.ContainsAny(h.Value, "\r\n\x00")
}

// headerList is a header in a stable order.
func headerList(h http.Header) []api.Header {
	list := []api.Header{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			list = append(list, api.Header{Name: name, Value: value})
		}
	}
	return list
}
