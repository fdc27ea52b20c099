package picloud

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// MaxOutHosts is how many entries the list of an app may have.
const MaxOutHosts = 200

// OutHosts are the hosts that the scripts of an app may call: names and
// addresses, "*.example.com" for every name below one, and "*" for every public
// host. An entry without a port is for 80 and 443.
type OutHosts []string

// AnyOutHost is the list of an app that says nothing: every public host.
func AnyOutHost() OutHosts { return OutHosts{"*"} }

// Allow reports whether a host, in lower case and without a port, may be called
// at a port; and whether an entry names it, and not just "*".
func (hosts OutHosts) Allow(host string, port uint16) (allowed, named bool) {
	for _, entry := range hosts {
		name, at := splitEntry(entry)
		if at != port && (at != 0 || port != 80 && port != 443) {
			continue
		}
		switch {
		case name == "*":
			allowed = true
		case name == host, strings.HasPrefix(name, "*.") && strings.HasSuffix(host, name[1:]):
			return true, true
		}
	}
	return allowed, false
}

// splitEntry splits an entry that is valid; the port is 0 when there is none.
func splitEntry(entry string) (name string, port uint16) {
	name = entry
	if i := strings.LastIndexByte(entry, ':'); i >= 0 && !strings.HasSuffix(entry, "]") {
		n, _ := strconv.ParseUint(entry[i+1:], 10, 16)
		name, port = entry[:i], uint16(n)
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), port
}

// Clean is the list in the form in which it is kept, sorted and without
// repetitions. It refuses entries that would allow nothing.
func (hosts OutHosts) Clean() (OutHosts, error) {
	if len(hosts) > MaxOutHosts {
		return nil, Invalid("hosts", "there are %d entries, at most %d are allowed", len(hosts), MaxOutHosts)
	}
	clean := make(OutHosts, 0, len(hosts))
	for _, entry := range hosts {
		entry = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(entry)), ".")
		if !validEntry(entry) {
			return nil, Invalid("hosts", "%q is not a host: a name like api.example.com, *.example.com, an address, or *, with a port behind it if it is not 80 or 443", clip(entry))
		}
		clean = append(clean, entry)
	}
	slices.Sort(clean)
	return slices.Compact(clean), nil
}

func validEntry(entry string) bool {
	host := entry
	if i := strings.LastIndexByte(entry, ':'); i >= 0 && !strings.HasSuffix(entry, "]") {
		if n, err := strconv.ParseUint(entry[i+1:], 10, 16); err != nil || n == 0 {
			return false
		}
		host = entry[:i]
	}
	if strings.HasPrefix(host, "[") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
		return err == nil && addr.Is6() && addr.Zone() == "" && strings.HasSuffix(host, "]") && addr.String() == host[1:len(host)-1]
	}
	if host == "*" {
		return true
	}
	return validOutName(strings.TrimPrefix(host, "*."))
}

// validOutName reports whether a text is a host name in ASCII, or an IPv4
// address. Names in other scripts are entered in their xn-- form.
func validOutName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// OutHostLists keeps which hosts the scripts of apps may call. An app that is not
// there is CodeNotFound. Changes are changes of what is live.
type OutHostLists interface {
	// OutHostsOf is the list of an app; set is false when it has none of its own.
	OutHostsOf(ctx context.Context, app string) (hosts OutHosts, set bool, err error)
	// SetOutHosts gives an app a list, or takes it away.
	SetOutHosts(ctx context.Context, app string, hosts OutHosts, set bool) error
}
