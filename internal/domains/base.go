package domains

import (
	"net/netip"
	"net/url"
	"strings"
)

// Base is the domain below which the apps of an instance have their hosts,
// given how clients reach it; "" when that is not a domain.
func Base(public *url.URL) string {
	host := strings.ToLower(strings.TrimSuffix(public.Hostname(), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return ""
	}
	return host
}
