package manager

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientOf is where a request comes from, and over what scheme its client sent
// it. Headers say so only when a trusted proxy has set them: the client is the
// last address of X-Forwarded-For that is not a trusted proxy itself.
func clientOf(r *http.Request, trusted []netip.Prefix) (address, scheme string) {
	scheme = "http"
	if r.TLS != nil {
		scheme = "https"
	}
	address = r.RemoteAddr
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	if !within(address, trusted) {
		return address, scheme
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		ip, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		if address = ip.Unmap().String(); !within(address, trusted) {
			break
		}
	}
	if strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return address, scheme
}

func within(address string, networks []netip.Prefix) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// hostname is the host of the request without its port.
func (info *requestInfo) hostname() string {
	if h, _, err := net.SplitHostPort(info.host); err == nil {
		return h
	}
	return info.host
}
