package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/picloud/picloud/internal/picloud"
)

// step is one request of a call: the first, or one to which a redirect led.
type step struct {
	method string
	url    *url.URL
	header http.Header
	body   string
	named  bool // the app's list names the host
}

// follow makes a call's request, and those to which it is redirected.
func (c *Client) follow(ctx context.Context, call *Call) (*picloud.HTTPAnswer, error) {
	u, err := readURL(call.URL)
	if err != nil {
		return nil, err
	}
	s := &step{method: call.Method, url: u, header: c.header(call), body: call.Body}
	for hops := 0; ; hops++ {
		if s.named, err = allowed(call.Hosts, s.url); err != nil {
			return nil, err
		}
		resp, err := c.send(ctx, s)
		if err != nil {
			return nil, err
		}
		next, err := s.redirect(call, resp)
		if err == nil && next == nil {
			return c.answer(ctx, call, s, resp)
		}
		discard(resp)
		switch {
		case err != nil:
			return nil, err
		case hops == MaxRedirects:
			return nil, failed("it redirects more than %d times", MaxRedirects)
		}
		s = next
	}
}

// header is the header that is sent.
func (c *Client) header(call *Call) http.Header {
	h := call.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if _, set := h["User-Agent"]; !set {
		h.Set("User-Agent", c.cfg.Agent)
	}
	if _, set := h["Accept-Encoding"]; !set {
		h.Set("Accept-Encoding", "gzip")
	}
	return h
}

// readURL reads an address in the form in which it is compared: the host in
// lower case and in ASCII, without a final dot.
func readURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, picloud.Invalid("url", "the URL cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, picloud.Invalid("url", "the URL must begin with http:// or https://")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, picloud.Invalid("url", "the URL names no host")
	case u.User != nil:
		return nil, picloud.Invalid("url", "the URL holds a user name; send it in a header, with secret::basic(user, secret)")
	}
	host, err := cleanHost(u.Hostname())
	if err != nil {
		return nil, picloud.Invalid("url", "the host of the URL is not one")
	}
	port := u.Port()
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, picloud.Invalid("url", "the port of the URL is not one")
		}
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	u.Host, u.Fragment, u.RawFragment = host, "", ""
	if port != "" && port != defaultPort(u.Scheme) {
		u.Host += ":" + port
	}
	return u, nil
}

// cleanHost is a name in ASCII, or an address as it is.
func cleanHost(host string) (string, error) {
	if strings.Contains(host, ":") {
		if strings.Contains(host, "%") {
			return "", errors.New("a zone")
		}
		return strings.ToLower(host), nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ascii := strings.IndexFunc(host, func(r rune) bool { return r > 0x7e || r <= ' ' }) < 0
	if ascii {
		return host, nil
	}
	return idna.Lookup.ToASCII(host)
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// allowed looks whether an app may call a URL, and whether its list names the
// host.
func allowed(hosts picloud.OutHosts, u *url.URL) (named bool, err error) {
	port := u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	n, _ := strconv.ParseUint(port, 10, 16) // readURL has looked
	ok, named := hosts.Allow(u.Hostname(), uint16(n))
	if !ok {
		return false, picloud.Errorf(picloud.CodeCallDenied, "the app may not call %s: see picloud outbound", u.Host)
	}
	return named, nil
}

// send makes one request.
func (c *Client) send(ctx context.Context, s *step) (*http.Response, error) {
	var body io.Reader
	if s.body != "" {
		body = strings.NewReader(s.body)
	}
	r, err := http.NewRequestWithContext(ctx, s.method, s.url.String(), body)
	if err != nil {
		return nil, picloud.Invalid("url", "the URL cannot be called")
	}
	r.Header = s.header
	transport := c.public
	if s.named {
		transport = c.opened
	}
	resp, err := transport.RoundTrip(r)
	if errors.Is(err, errAddress) {
		// That it is refused is all that anybody learns of it.
		return nil, picloud.Errorf(picloud.CodeCallDenied, "%s does not lead to a public address", s.url.Hostname())
	}
	return resp, err
}

// redirect is where an answer leads to; nil if it does not, or is not to be
// followed.
func (s *step) redirect(call *Call, resp *http.Response) (*step, error) {
	where := resp.Header.Get("Location")
	if !call.Follow || where == "" {
		return nil, nil
	}
	next := &step{method: s.method, body: s.body, header: s.header}
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound:
		if s.method == http.MethodPost {
			next.dropBody()
		}
	case http.StatusSeeOther:
		if s.method != http.MethodHead {
			next.dropBody()
		}
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	u, err := s.url.Parse(where)
	if err == nil {
		u, err = readURL(u.String())
	}
	if err != nil {
		return nil, failed("it redirects to what is no http or https address")
	}
	next.url = u
	if sameOrigin(s.url, u) {
		return next, nil
	}
	if call.Sensitive && next.body != "" {
		return nil, failed("it redirects to another host (%s), which must not get a secret; call that one, or set follow to false", u.Host)
	}
	next.header = stranger(next.header)
	return next, nil
}

// dropBody makes a request one without a body.
func (s *step) dropBody() {
	s.method, s.body = http.MethodGet, ""
	s.header = s.header.Clone()
	for name := range s.header {
		if strings.HasPrefix(name, "Content-") {
			s.header.Del(name)
		}
	}
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// harmless are the headers that another host gets, too: none that says who
// calls.
var harmless = []string{"Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "User-Agent", "Traceparent"}

// stranger is a header for another host than the one that it was meant for.
func stranger(h http.Header) http.Header {
	out := make(http.Header, len(harmless))
	for _, name := range harmless {
		if v, ok := h[name]; ok {
			out[name] = v
		}
	}
	return out
}

// discard lets go of an answer that nobody reads. A short body is read, so that
// the connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close()
}

// failed is the error of a call that has no answer.
func failed(format string, args ...any) error {
	return picloud.Errorf(picloud.CodeCallFailed, "%s", fmt.Sprintf(format, args...))
}
