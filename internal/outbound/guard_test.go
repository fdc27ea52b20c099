package outbound

import (
	"errors"
	"net/netip"
	"testing"
)

// TestAddresses is the table of what scripts may reach.
func TestAddresses(t *testing.T) {
	t.Parallel()
	g := newGuard(nil, nil)
	for _, c := range []struct {
		what string
		deny bool
		list []string
	}{
		{"public", false, []string{"1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.1", "192.167.255.255", "100.63.255.255", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001:81b::200e", "::ffff:8.8.8.8"}},
		{"loopback", true, []string{"127.0.0.1", "127.0.0.2", "127.255.255.255", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"}},
		{"this host", true, []string{"0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"}},
		{"private", true, []string{"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "::ffff:10.0.0.1", "::ffff:192.168.1.1"}},
		{"shared by carriers", true, []string{"100.64.0.1", "100.127.255.255"}},
		{"link-local and metadata", true, []string{"169.254.0.1", "169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254", "fe80::1", "fe80::a9fe:a9fe", "fd00:ec2::254"}},
		{"multicast and broadcast", true, []string{"224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "ff0e::1"}},
		{"reserved", true, []string{"240.0.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "100::1", "3fff::1"}},
		{"unique local", true, []string{"fc00::1", "fd12:3456:789a::1"}},
		{"site local", true, []string{"fec0::1"}},
		{"compatible with IPv4", true, []string{"::127.0.0.1", "::7f00:1", "::10.0.0.1", "::8.8.8.8"}},
		{"translated", true, []string{"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::1"}},
		{"6to4", true, []string{"2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1", "2002:808:808::1"}},
		{"Teredo and ORCHID", true, []string{"2001::1", "2001:0:7f00:1::1", "2001:10::1", "2001:20::1"}},
	} {
		for _, text := range c.list {
			err := g.permit(netip.AddrPortFrom(netip.MustParseAddr(text), 443))
			if (err != nil) != c.deny || err != nil && !errors.Is(err, errAddress) {
				t.Errorf("%s, %s: %v, want refused: %v", text, c.what, err, c.deny)
			}
		}
	}
	if err := g.permit(netip.MustParseAddrPort("[fe80::1%eth0]:80")); !errors.Is(err, errAddress) {
		t.Errorf("an address with a zone: %v", err)
	}
	if err := g.control("udp4", "1.1.1.1:443", nil); !errors.Is(err, errAddress) {
		t.Errorf("UDP: %v", err)
	}
}

// TestOpenedNetworks: what the operator opens is open, and nothing beside it.
// Within a network of translators the address behind it has to be permitted, too.
func TestOpenedNetworks(t *testing.T) {
	t.Parallel()
	open := []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("fd00:7::/64")}
	g := newGuard(open, nil)
	for text, deny := range map[string]bool{
		"192.168.7.1": false, "::ffff:192.168.7.9": false, "fd00:7::1": false, "64:ff9b::808:808": false, "64:ff9b::c0a8:701": false,
		"192.168.8.1": true, "127.0.0.1": true, "fd00:8::1": true, "64:ff9b::7f00:1": true, "64:ff9b::a9fe:a9fe": true,
	} {
		if err := g.permit(netip.AddrPortFrom(netip.MustParseAddr(text), 80)); (err != nil) != deny {
			t.Errorf("%s: %v, want refused: %v", text, err, deny)
		}
	}
}

// TestOwnListeners: they are out of reach even in a network that is open.
func TestOwnListeners(t *testing.T) {
	t.Parallel()
	own := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8081"), netip.MustParseAddrPort("[::]:8080"), netip.MustParseAddrPort("8.8.8.8:443")}
	g := newGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("64:ff9b::/96")}, own)
	for text, deny := range map[string]bool{
		"127.0.0.1:8081": true, "[::ffff:127.0.0.1]:8081": true, "127.0.0.2:8081": false, "127.0.0.1:8082": false,
		"127.0.0.1:8080": true, "127.9.9.9:8080": true, "[::1]:8080": true, "[::1]:8081": false,
		"8.8.8.8:443": true, "8.8.8.8:80": false, "[64:ff9b::808:808]:443": true,
	} {
		if err := g.permit(netip.MustParseAddrPort(text)); (err != nil) != deny {
			t.Errorf("%s: %v, want refused: %v", text, err, deny)
		}
	}
}
