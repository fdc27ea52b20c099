package domains

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/picloud/picloud/internal/picloud"
)

// Bounds of a check.
const (
	checkTime    = 10 * time.Second
	maxAnswer    = 1 << 10 // bytes of a body that could be a proof
	maxRedirects = 3
	maxRecords   = 32 // TXT records that are looked at
	maxAtOnce    = 4  // checks that run; more are refused
)

// Config is what a Checker is made from. The zero value checks on the public
// internet with the system's resolver.
type Config struct {
	// Resolver is the DNS server to ask, as HOST:PORT; "" means the system's.
	Resolver string
	// Networks are those, besides the public internet, in which a web server
	// may be asked for a proof: for a LAN.
	Networks []netip.Prefix
	// HTTPPort is where web servers are asked; 0 means 80. For tests.
	HTTPPort uint16
}

// Checker looks for proofs. It opens connections to addresses that strangers
// choose, so it goes nowhere but to public addresses (and Config.Networks), by
// what the address is when the connection is made and not by what a name led
// to before; it uses no proxy of the environment; it follows a redirect only to
// the same host; and it tells nothing of an answer that is not the proof. It is
// safe for concurrent use. NewChecker makes one.
type Checker struct {
	resolver *net.Resolver
	http     *http.Client
	port     uint16
	slots    chan struct{}
}

// NewChecker makes a checker. It holds nothing that has to be closed.
func NewChecker(cfg Config) *Checker {
	if cfg.HTTPPort == 0 {
		cfg.HTTPPort = 80
	}
	c := &Checker{port: cfg.HTTPPort, resolver: resolver(cfg.Resolver), slots: make(chan struct{}, maxAtOnce)}
	dialer := &net.Dialer{Timeout: checkTime, Resolver: c.resolver, Control: guard(cfg).Safe}
	c.http = &http.Client{
		Timeout: checkTime,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true,
			TLSHandshakeTimeout: checkTime, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: sameHost,
	}
	return c
}

// resolver asks a DNS server, or the system's.
func resolver(address string) *net.Resolver {
	if address == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
}

// guard refuses what is not public, and not among the networks.
func guard(cfg Config) *ssrf.Guardian {
	var v4, v6 []netip.Prefix
	for _, p := range cfg.Networks {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return ssrf.New(ssrf.WithPorts(cfg.HTTPPort, 443), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
}

var errRedirect = errors.New("it redirects elsewhere")

func sameHost(r *http.Request, via []*http.Request) error {
	if r.URL.Hostname() != via[0].URL.Hostname() || len(via) > maxRedirects {
		return errRedirect
	}
	return nil
}

// Check looks for a domain's proof, of one kind or, with "", of either, and is
// the kind that was found. That there is none is CodeDomainUnproved, with a
// message that says what was looked for.
func (c *Checker) Check(ctx context.Context, name, challenge string, kind picloud.ProofKind) (picloud.ProofKind, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		return "", &picloud.Error{Code: picloud.CodeOverloaded, Message: "several domains are being checked, try again", RetryAfter: time.Second}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var missing []string
	for _, proof := range []struct {
		kind  picloud.ProofKind
		check func(ctx context.Context, name, challenge string) error
	}{{picloud.ProofDNS, c.checkDNS}, {picloud.ProofHTTP, c.checkHTTP}} {
		if kind != "" && kind != proof.kind {
			continue
		}
		err := proof.check(ctx, name, challenge)
		if err == nil {
			return proof.kind, nil
		}
		missing = append(missing, err.Error())
	}
	return "", picloud.Errorf(picloud.CodeDomainUnproved, "%s", strings.Join(missing, "; "))
}

// checkDNS looks for the TXT record.
func (c *Checker) checkDNS(ctx context.Context, name, challenge string) error {
	record := RecordName(name)
	texts, err := c.resolver.LookupTXT(ctx, record+".")
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("there is no TXT record %s (new records take a while to be seen)", record)
	case err != nil:
		return fmt.Errorf("the TXT record %s could not be looked up (%s)", record, lookupFailure(err))
	}
	if len(texts) > maxRecords {
		texts = texts[:maxRecords]
	}
	if !slices.ContainsFunc(texts, func(s string) bool { return strings.TrimSpace(s) == Proof(name, challenge) }) {
		return fmt.Errorf("the TXT record %s holds something else", record)
	}
	return nil
}

// lookupFailure says why a name was not found, without the server's address.
func lookupFailure(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "given up"
	}
	return "the name server fails"
}

// checkHTTP fetches the proof.
func (c *Checker) checkHTTP(ctx context.Context, name, challenge string) error {
	address := URL(name, challenge)
	target := address
	if c.port != 80 {
		target = fmt.Sprintf("http://%s:%d%s%s", name, c.port, HTTPPath, challenge)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("%s could not be fetched", address)
	}
	r.Header.Set("User-Agent", "picloud-domain-check")
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("%s could not be fetched (%s)", address, fetchFailure(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers with %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil || strings.TrimSpace(string(body)) != Proof(name, challenge) {
		return fmt.Errorf("%s answers with something else", address)
	}
	return nil
}

// fetchFailure says why nothing was fetched, in words that do not tell a
// stranger what else is on our network: an address that is refused, one where
// nobody listens and one that is silent look different only to the operator.
func fetchFailure(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return "the domain does not lead to a public address"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the domain leads to no address"
	case errors.Is(err, errRedirect):
		return errRedirect.Error()
	}
	return "no answer"
}
