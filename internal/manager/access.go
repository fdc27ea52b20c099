package manager

import (
	"context"
	"slices"

	"github.com/picloud/picloud/internal/picloud"
)

// Capability is something that a principal may be allowed to do. Every route
// of the API declares the one that it asks for.
type Capability string

// Two that need no grant.
const (
	Anyone   Capability = "anyone"    // also who is not signed in
	SignedIn Capability = "signed-in" // whoever is signed in, for what is their own
)

// The capabilities that roles have or have not.
const (
	ReadApps     Capability = "apps:read"
	WriteApps    Capability = "apps:write"
	ReadScripts  Capability = "scripts:read"   // list, show, source, versions
	CheckScripts Capability = "scripts:check"  // compile without deploying
	Deploy       Capability = "scripts:deploy" // deploy and roll back
	Switch       Capability = "scripts:switch" // enable and disable
	Delete       Capability = "scripts:delete"
	Invoke       Capability = "scripts:invoke"
	ReadRecords  Capability = "records:read" // invocations and logs
	ReadDomains  Capability = "domains:read"
	WriteDomains Capability = "domains:write" // add, verify by proof, remove
	VouchDomains Capability = "domains:vouch" // verify by one's word
)

// everything lists the capabilities that are granted by role.
var everything = []Capability{
	ReadApps, WriteApps, ReadScripts, CheckScripts, Deploy, Switch, Delete, Invoke, ReadRecords,
	ReadDomains, WriteDomains, VouchDomains,
}

// grants is who may do what on the whole instance. A member's rights are
// those of the apps that they belong to; the instance itself grants them
// nothing but compiling.
var grants = map[picloud.Role][]Capability{
	picloud.RoleOwner:  everything,
	picloud.RoleAdmin:  everything,
	picloud.RoleMember: {CheckScripts},
}

// may reports whether a principal has a capability.
func may(p picloud.Principal, c Capability) bool {
	switch {
	case c == Anyone:
		return true
	case !p.Authenticated():
		return false
	case c == SignedIn:
		return true
	}
	return slices.Contains(grants[p.User.Role], c)
}

// capabilitiesOf lists what a principal may do, for a client to know what to
// offer.
func capabilitiesOf(p picloud.Principal) []string {
	list := []string{}
	for _, c := range everything {
		if may(p, c) {
			list = append(list, string(c))
		}
	}
	return list
}

// authorize fails with CodeUnauthenticated for nobody, and with CodeForbidden
// for somebody who may not.
func authorize(p picloud.Principal, c Capability) error {
	switch {
	case may(p, c):
		return nil
	case !p.Authenticated():
		return picloud.Errorf(picloud.CodeUnauthenticated, "sign in first")
	}
	return picloud.Errorf(picloud.CodeForbidden, "your role, %s, does not allow this (%s)", p.User.Role, c)
}

type contextKey int

const (
	principalKey contextKey = iota
	requestKey
)

// principalOf is whom a request acts for: nobody unless it was authenticated.
func principalOf(ctx context.Context) picloud.Principal {
	p, _ := ctx.Value(principalKey).(picloud.Principal)
	return p
}
