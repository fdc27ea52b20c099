package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

const (
	providerTimeout = 10 * time.Second // for an answer of the provider
	maxProviderBody = 1 << 20
)

// providerClient is what speaks with a provider. The issuer's own host was
// chosen by the operator and may be in the local network. What the issuer names
// besides, in a document that comes over the network, may only be public: a
// provider must not make the server knock at doors inside. Redirects are not
// followed, answers are bounded, and everything is https, unless the issuer
// itself is on this machine.
func providerClient(issuer *url.URL) *http.Client {
	return &http.Client{
		Timeout:       providerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &providerTransport{
			plain: issuer.Scheme == "http", host: issuer.Host,
			next: &http.Transport{
				DialContext: providerDialer(issuer.Hostname()), TLSHandshakeTimeout: providerTimeout,
				MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
			},
		},
	}
}

func providerDialer(issuer string) func(ctx context.Context, network, address string) (net.Conn, error) {
	own := &net.Dialer{Timeout: providerTimeout, Control: refuseOdd}
	others := &net.Dialer{Timeout: providerTimeout, Control: ssrf.New(ssrf.WithAnyPort()).Safe}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err == nil && strings.EqualFold(host, issuer) {
			return own.DialContext(ctx, network, address)
		}
		return others.DialContext(ctx, network, address)
	}
}

// refuseOdd refuses addresses where no provider can be: clouds keep their
// credentials at link-local ones.
func refuseOdd(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := ap.Addr().Unmap()
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fmt.Errorf("a provider cannot be at %s", ip)
	}
	return nil
}

// loopbackHost reports whether a host is this machine.
func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || localName(strings.ToLower(host))
}

// providerTransport keeps requests to https and answers to their bound.
type providerTransport struct {
	plain bool   // the issuer's host may be spoken to in the clear
	host  string // of the issuer
	next  http.RoundTripper
}

var errNotHTTPS = errors.New("the provider names an address that is not https")

func (t *providerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !(t.plain && r.URL.Host == t.host) {
		return nil, errNotHTTPS
	}
	resp, err := t.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxProviderBody), resp.Body}
	}
	return resp, err
}
