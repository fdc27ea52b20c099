package cli

import (
	"net"
	"net/netip"
	"strings"

	"github.com/picloud/picloud/internal/domains"
)

// validateNetworks refuses lists of networks that cannot be read. A mistake
// here must not be found by a request.
func (s *serverSettings) validateNetworks() error {
	for flag, list := range map[string]string{"--trusted-proxies": s.proxies, "--domain-networks": s.networks, "--outbound-networks": s.outNetworks} {
		if _, err := parseNetworks(list); err != nil {
			return usagef("%s: %v", flag, err)
		}
	}
	if _, err := s.hostsOfApps(); err != nil {
		return usagef("--outbound-hosts: %v", err)
	}
	if s.resolver == "" {
		return nil
	}
	if host, port, err := net.SplitHostPort(s.resolver); err != nil || host == "" || port == "" {
		return usagef("--domain-resolver is %q; it is written HOST:PORT", s.resolver)
	}
	return nil
}

// parseNetworks reads addresses and networks that are separated by commas.
func parseNetworks(list string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, usagef("%q is neither an address nor a network like 10.0.0.0/8", text)
		}
		if p.Addr().Is4In6() {
			return nil, usagef("%q: write the IPv4 network as such", text)
		}
		networks = append(networks, p.Masked())
	}
	return networks, nil
}

// trustedProxies is who is believed about clients. The list was validated.
func (s *serverSettings) trustedProxies() []netip.Prefix {
	networks, _ := parseNetworks(s.proxies)
	return networks
}

// domainChecker looks for proofs of custom domains.
func (s *serverSettings) domainChecker() *domains.Checker {
	networks, _ := parseNetworks(s.networks)
	return domains.NewChecker(domains.Config{Resolver: s.resolver, Networks: networks})
}
