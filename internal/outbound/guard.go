package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// errAddress is why a connection is not made: the address is not one that
// scripts may reach.
var errAddress = errors.New("the address is not public")

// guard decides which addresses may be connected to.
type guard struct {
	public *ssrf.Guardian
	open   []netip.Prefix   // besides public addresses
	own    []netip.AddrPort // listeners that nobody may call; an unspecified address is every one of this machine
}

func newGuard(open []netip.Prefix, own []netip.AddrPort) *guard {
	return &guard{public: ssrf.New(ssrf.WithAnyPort()), open: open, own: own}
}

// control is a net.Dialer's Control.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: %s %s", errAddress, network, address)
	}
	return g.permit(to)
}

// permit fails with errAddress for what must not be connected to.
func (g *guard) permit(to netip.AddrPort) error {
	addr := to.Addr()
	if addr.Zone() != "" {
		return fmt.Errorf("%w: %s has a zone", errAddress, addr)
	}
	for _, a := range within(addr) {
		if g.isOwn(netip.AddrPortFrom(a, to.Port())) {
			return fmt.Errorf("%w: %s is a listener of this server", errAddress, to)
		}
		if slices.ContainsFunc(g.open, func(p netip.Prefix) bool { return p.Contains(a) }) {
			continue
		}
		if err := g.public.SafeAddr(a); err != nil {
			return fmt.Errorf("%w: %v", errAddress, err)
		}
	}
	return nil
}

// The prefixes of IPv6 within which there is an address of IPv4.
var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
	compat = netip.MustParsePrefix("::/96")
)

// within is the addresses that an address stands for: itself, or the one of
// IPv4 that is mapped, and the one to which a gateway would translate it.
func within(addr netip.Addr) []netip.Addr {
	addr = addr.Unmap()
	if addr.Is4() || addr.IsLoopback() || addr.IsUnspecified() {
		return []netip.Addr{addr}
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr), compat.Contains(addr):
		return []netip.Addr{addr, netip.AddrFrom4([4]byte(b[12:16]))}
	case sixTo4.Contains(addr):
		return []netip.Addr{addr, netip.AddrFrom4([4]byte(b[2:6]))}
	}
	return []netip.Addr{addr}
}

// isOwn reports whether one of our listeners answers there.
func (g *guard) isOwn(to netip.AddrPort) bool {
	for _, l := range g.own {
		if l.Port() != to.Port() {
			continue
		}
		if l.Addr().Unmap() == to.Addr() || l.Addr().IsUnspecified() && onThisMachine(to.Addr()) {
			return true
		}
	}
	return false
}

// onThisMachine reports whether an address is one of this machine's. If that
// cannot be told it is.
func onThisMachine(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	list, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(list, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == addr
	})
}
