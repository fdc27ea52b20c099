package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Bounds of calls.
const (
	// MaxRedirects is how many redirects a call follows.
	MaxRedirects = 5
	// MaxTime is how long a call may take at most, whatever the limits of its
	// script.
	MaxTime = 5 * time.Minute

	maxAnswerHeader = 64 << 10
	callsOfApp      = 32        // at a time; more wait
	callsOfAll      = 256       // of all apps
	answersOfAll    = 256 << 20 // bytes of answers in memory
	connectTime     = 10 * time.Second
	idleTime        = 30 * time.Second
	idleOfHost      = 8
	idleOfAll       = 128
)

// Config is what a Client is made from. The zero value calls public addresses.
type Config struct {
	// Networks are those besides the public internet that may be called by
	// apps whose list names the host.
	Networks []netip.Prefix
	// Own are the addresses of listeners that may never be called.
	Own []netip.AddrPort
	// Agent is the User-Agent of calls that set none; "" means "PiCloud".
	Agent string

	// Resolver finds addresses; nil means the system's.
	Resolver *net.Resolver
	// TLS is how certificates are checked; nil means as the system does.
	TLS *tls.Config
	// Sleep waits between tries; nil means by the clock.
	Sleep func(context.Context, time.Duration) error
	// Now tells the time, for answers that name one; nil means time.Now.
	Now func() time.Time
}

// Client makes calls. It is safe for concurrent use. New makes one; Close lets
// go of its connections.
type Client struct {
	cfg    Config
	public *http.Transport // to public addresses
	opened *http.Transport // and to the operator's networks; connections are not shared with the other
	slots  slots
	held   atomic.Int64 // bytes of answers
}

// New makes a client.
func New(cfg Config) *Client {
	if cfg.Agent == "" {
		cfg.Agent = "PiCloud"
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg, slots: slots{all: make(chan struct{}, callsOfAll)}}
	c.public = c.transport(newGuard(nil, cfg.Own))
	c.opened = c.public
	if len(cfg.Networks) > 0 {
		c.opened = c.transport(newGuard(cfg.Networks, cfg.Own))
	}
	return c
}

// transport makes connections where the guard allows it.
func (c *Client) transport(g *guard) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTime, Resolver: c.cfg.Resolver, Control: g.control}
	return &http.Transport{
		Proxy: nil, DialContext: dialer.DialContext, TLSClientConfig: c.cfg.TLS.Clone(), ForceAttemptHTTP2: true,
		DisableCompression: true, MaxResponseHeaderBytes: maxAnswerHeader, TLSHandshakeTimeout: connectTime,
		MaxIdleConns: idleOfAll, MaxIdleConnsPerHost: idleOfHost, IdleConnTimeout: idleTime,
	}
}

// Close closes the connections that are idle.
func (c *Client) Close() error {
	c.public.CloseIdleConnections()
	c.opened.CloseIdleConnections()
	return nil
}

// Call is a request to be made, with the values of secrets in place.
type Call struct {
	App   string // whose calls share a bound
	Hosts picloud.OutHosts

	Method string
	URL    string
	Header http.Header
	Body   string
	// Sensitive says that the URL or the body holds a secret: neither goes to
	// another host.
	Sensitive bool

	Follow   bool
	Retry    picloud.Retry
	Time     time.Duration // for all of it
	MaxBytes int64         // of the answer
}

// Do makes a call and reads its answer whole. An error is a [picloud.Error]
// with CodeCallDenied or CodeCallFailed, or CodeInvalid for a call that is
// none, unless ctx has ended: then it is its cause. The answer counts for the
// bytes in memory until Release.
func (c *Client) Do(ctx context.Context, call *Call) (*picloud.HTTPAnswer, error) {
	if call.Time <= 0 || call.Time > MaxTime {
		call.Time = MaxTime
	}
	within, cancel := context.WithTimeoutCause(ctx, call.Time, errTime)
	defer cancel()
	leave, err := c.slots.enter(within, call.App)
	if err == nil {
		defer leave()
		var a *picloud.HTTPAnswer
		if a, err = c.insist(within, call); err == nil {
			return a, nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, explain(within, call, err)
}

// Release gives back the bytes of an answer.
func (c *Client) Release(a *picloud.HTTPAnswer) { c.held.Add(-int64(len(a.Body))) }

// Hold counts more bytes of an answer, or fewer, that was changed.
func (c *Client) Hold(more int) { c.held.Add(int64(more)) }

// Held is how many bytes of answers there are in memory.
func (c *Client) Held() int64 { return c.held.Load() }

// errTime is the cause of a call that takes too long.
var errTime = errors.New("the time of the call is over")

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
