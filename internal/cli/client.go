package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 256 << 20

// client speaks the admin API.
type client struct {
	base  string
	token string
	agent string
	http  *http.Client
}

// client is one for whoever is signed in.
func (c *command) client() (*client, error) {
	cr, err := c.credentials()
	if err != nil {
		return nil, err
	}
	return c.clientFor(cr), nil
}

func (c *command) clientFor(cr credentials) *client {
	return &client{base: cr.URL, token: cr.Token, agent: "picloud/" + c.Version, http: &http.Client{
		// A redirect could lead the token astray, and the API has none.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: 20 * time.Minute, TLSHandshakeTimeout: 10 * time.Second},
	}}
}

// path puts a path below the API together, with its parts escaped.
func path(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// get reads an answer into out.
func (cl *client) get(ctx context.Context, path string, query url.Values, out any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return cl.do(ctx, http.MethodGet, path, nil, out)
}

// post sends in and reads the answer into out; either may be nil.
func (cl *client) post(ctx context.Context, path string, in, out any) error {
	return cl.do(ctx, http.MethodPost, path, in, out)
}

// put is post for what is at a place.
func (cl *client) put(ctx context.Context, path string, in, out any) error {
	return cl.do(ctx, http.MethodPut, path, in, out)
}

// patch is post for a part of what is at a place.
func (cl *client) patch(ctx context.Context, path string, in, out any) error {
	return cl.do(ctx, http.MethodPatch, path, in, out)
}

func (cl *client) delete(ctx context.Context, path string) error {
	return cl.do(ctx, http.MethodDelete, path, nil, nil)
}

func (cl *client) do(ctx context.Context, method, path string, in, out any) error {
	resp, err := cl.send(ctx, method, path, in, nil)
	if err != nil {
		return err
	}
	return cl.read(resp, out)
}

// read reads an answer into out, or its error, and closes it.
func (cl *client) read(resp *http.Response, out any) error {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", cl.base, plain(err))
	}
	if resp.StatusCode >= 300 {
		return problemIn(resp, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s does not answer like a PiCloud: %w", cl.base, err)
	}
	return nil
}

// send sends a request. The caller closes the answer's body.
func (cl *client) send(ctx context.Context, method, path string, in any, header http.Header) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, cl.base+api.Prefix+path, body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return cl.submit(req)
}

// submit sends a request as whoever is signed in.
func (cl *client) submit(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", cl.agent)
	if cl.token != "" {
		req.Header.Set("Authorization", "Bearer "+cl.token)
	}
	resp, err := cl.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach %s: %w", cl.base, plain(err))
	}
	return resp, nil
}

// problemIn is the error that an answer tells of.
func problemIn(resp *http.Response, body []byte) error {
	p := &api.Problem{}
	if err := json.Unmarshal(body, p); err != nil || p.Code == "" {
		return hinted("is this the admin address? The server prints it when it starts",
			"%s answered with status %d and not like a PiCloud", resp.Request.URL.Host, resp.StatusCode)
	}
	if p.Code == picloud.CodeRateLimited || p.Code == picloud.CodeOverloaded {
		if after := resp.Header.Get("Retry-After"); after != "" && !strings.Contains(p.Detail, "try again in") {
			p.Detail += " (try again in " + after + " s)"
		}
	}
	return p
}
