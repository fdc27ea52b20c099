package access

import (
	"slices"

	"github.com/picloud/picloud/internal/picloud"
)

// Capability is something that a principal may be allowed to do. Every route of
// the admin API declares the one that it asks for.
type Capability string

// Three that are no matter of roles.
const (
	Anyone   Capability = "anyone"    // also who is not signed in
	SignedIn Capability = "signed-in" // whoever is there, person or key, for what is about themselves
	Personal Capability = "personal"  // a person with a session, never a key: their password, sessions and keys
)

// The capabilities of the table.
const (
	ReadUsers      Capability = "users:read"
	ManageUsers    Capability = "users:manage"
	ManageKeys     Capability = "keys:manage"
	ReadAudit      Capability = "audit:read"
	ReadSettings   Capability = "settings:read"
	ManageSettings Capability = "settings:manage"
	ReadMetrics    Capability = "metrics:read"
	ReadNodes      Capability = "nodes:read"
	ManageNodes    Capability = "nodes:manage"
	ManageBackups  Capability = "backups:manage"
	VouchDomains   Capability = "domains:vouch"
	ListApps       Capability = "apps:list"
	CreateApps     Capability = "apps:create"
	CheckScripts   Capability = "scripts:check"

	ReadApp         Capability = "apps:read"
	DeleteApp       Capability = "apps:delete"
	ManageQuotas    Capability = "quotas:manage"
	ReadScripts     Capability = "scripts:read"
	Deploy          Capability = "scripts:deploy"
	Switch          Capability = "scripts:switch"
	Delete          Capability = "scripts:delete"
	Invoke          Capability = "scripts:invoke"
	CallRoutes      Capability = "routes:call"
	ReadRecords     Capability = "records:read"
	ReadJournals    Capability = "journals:read"
	ReadSchedules   Capability = "schedules:read"
	ManageSchedules Capability = "schedules:manage"
	ReadTopics      Capability = "topics:read"
	ManageTopics    Capability = "topics:manage"
	Publish         Capability = "topics:publish"
	ReadData        Capability = "data:read"
	WriteData       Capability = "data:write"
	ReadSecrets     Capability = "secrets:read"
	WriteSecrets    Capability = "secrets:write"
	ReadOutbound    Capability = "outbound:read"
	WriteOutbound   Capability = "outbound:write"
	ReadDomains     Capability = "domains:read"
	WriteDomains    Capability = "domains:write"
	ReadMembers     Capability = "members:read"
	ManageMembers   Capability = "members:manage"
	ReadAppAudit    Capability = "audit:read-app"
)

// Permission is one line of the table: what a capability is, and who has it.
type Permission struct {
	Capability Capability
	About      string
	InApp      bool              // it is asked for on one app
	Roles      []picloud.Role    // who has it everywhere
	AppRoles   []picloud.AppRole // who else has it in the app that they belong to
	Scopes     []picloud.Scope   // of which a key needs one; ScopeAdmin always will do
}

// The columns of the table.
var (
	owners  = []picloud.Role{picloud.RoleOwner}
	staff   = []picloud.Role{picloud.RoleOwner, picloud.RoleAdmin}
	all     = []picloud.Role{picloud.RoleOwner, picloud.RoleAdmin, picloud.RoleMember}
	admins  = []picloud.AppRole{picloud.AppAdmin}
	editors = []picloud.AppRole{picloud.AppAdmin, picloud.AppEditor}
	viewers = []picloud.AppRole{picloud.AppAdmin, picloud.AppEditor, picloud.AppViewer}
)

// scopes writes a list of them.
func scopes(list ...picloud.Scope) []picloud.Scope { return list }

const (
	read   = picloud.ScopeRead
	deploy = picloud.ScopeDeploy
	invoke = picloud.ScopeInvoke
	data   = picloud.ScopeData
)

// permissions is who may do what: all there is to say about it, in one place.
// The page docs/guides/people.md shows it.
var permissions = []Permission{
	// On the instance.
	{ListApps, "list the apps that one can see", false, all, nil, scopes(read, deploy, invoke, data)},
	{CheckScripts, "compile a source without deploying it", false, all, nil, scopes(read, deploy)},
	{CreateApps, "create apps", false, staff, nil, nil},
	{ReadUsers, "list users and what they belong to", false, staff, nil, nil},
	{ManageUsers, "create, change, deactivate and delete users; owners only by owners", false, staff, nil, nil},
	{ManageKeys, "list and revoke the API keys of others", false, staff, nil, nil},
	{ReadAudit, "read the audit log", false, staff, nil, nil},
	{ReadSettings, "read the settings of the instance", false, staff, nil, nil},
	{ManageSettings, "change the settings of the instance", false, staff, nil, nil},
	{VouchDomains, "verify a domain by one's word, without a proof", false, staff, nil, nil},
	{ReadMetrics, "read what ran on the instance, also as /metrics", false, staff, nil, scopes(read)},
	{ReadNodes, "list the nodes of a cluster", false, staff, nil, scopes(read)},
	{ManageNodes, "add, drain and remove nodes", false, staff, nil, nil},
	{ManageBackups, "make, download and delete backups, which hold everything", false, owners, nil, nil},

	// In an app: to look at it.
	{ReadApp, "see an app", true, staff, viewers, scopes(read, deploy, invoke, data)},
	{ReadScripts, "list scripts and versions, read their source", true, staff, viewers, scopes(read, deploy)},
	{ReadRecords, "read invocations and logs", true, staff, viewers, scopes(read, deploy)},
	{ReadSchedules, "list schedules", true, staff, viewers, scopes(read, deploy)},
	{ReadTopics, "list topics and their messages", true, staff, viewers, scopes(read, data)},
	{ReadOutbound, "see which hosts scripts may call", true, staff, viewers, scopes(read, deploy)},
	{ReadDomains, "list domains", true, staff, viewers, scopes(read, deploy)},
	{ReadMembers, "list who belongs to an app", true, staff, viewers, scopes(read)},
	{ReadData, "read an app's data", true, staff, viewers, scopes(data)},
	{CallRoutes, "call routes that are for members or keys", true, staff, viewers, scopes(invoke)},

	// To make it work.
	{ReadJournals, "read the journals of invocations, which hold what they read, and replay them", true, staff, editors, scopes(deploy)},
	{Deploy, "deploy and roll back scripts, with their routes", true, staff, editors, scopes(deploy)},
	{Switch, "switch scripts on and off", true, staff, editors, scopes(deploy)},
	{Delete, "delete scripts", true, staff, editors, scopes(deploy)},
	{Invoke, "run a script by name", true, staff, editors, scopes(invoke)},
	{ManageSchedules, "create, change, pause and run schedules", true, staff, editors, scopes(deploy)},
	{ManageTopics, "create and delete topics, re-drive messages", true, staff, editors, scopes(deploy)},
	{Publish, "publish messages", true, staff, editors, scopes(data)},
	{WriteData, "write an app's data", true, staff, editors, scopes(data)},
	{ReadSecrets, "list the names of secrets; nobody reads their values", true, staff, editors, scopes(read, deploy)},

	// To be in charge of it.
	{WriteSecrets, "set and delete secrets", true, staff, admins, nil},
	{WriteOutbound, "say which hosts scripts may call", true, staff, admins, nil},
	{WriteDomains, "add, prove and remove domains", true, staff, admins, nil},
	{ManageMembers, "add, change and remove members", true, staff, admins, nil},
	{ReadAppAudit, "read what the audit log says of an app", true, staff, admins, nil},
	{ManageQuotas, "change what an app may use", true, staff, nil, nil},
	{DeleteApp, "delete an app with all that it owns", true, staff, admins, nil},
}

// Permissions is a copy of the table, for documentation and tests. Its lists
// are not to be changed.
func Permissions() []Permission { return slices.Clone(permissions) }

// PermissionOf is the line of a capability; ok is false for one that is not in
// the table.
func PermissionOf(c Capability) (line Permission, ok bool) {
	i := slices.IndexFunc(permissions, func(p Permission) bool { return p.Capability == c })
	if i < 0 {
		return Permission{}, false
	}
	return permissions[i], true
}

// InApp reports whether a capability is asked for on one app.
func (c Capability) InApp() bool {
	line, ok := PermissionOf(c)
	return ok && line.InApp
}

// Can reports whether a principal has a capability, in an app where it is one
// that is asked for there. A key has what its user has at that moment and its
// scopes cover; one for a single app has nothing outside of it but what every
// member of the instance has.
func Can(p picloud.Principal, c Capability, in picloud.AppAccess) bool {
	return Authorize(p, c, in) == nil
}

// Authorize is nil for who has a capability, and otherwise says why not:
// CodeUnauthenticated for nobody, CodeForbidden for somebody. Whether an app may
// be known of at all is Sees.
func Authorize(p picloud.Principal, c Capability, in picloud.AppAccess) error {
	switch {
	case c == Anyone:
		return nil
	case !p.Authenticated():
		return picloud.Errorf(picloud.CodeUnauthenticated, "sign in first")
	case c == SignedIn:
		return nil
	case c == Personal && p.Kind == picloud.PrincipalUser:
		return nil
	case c == Personal:
		return picloud.Errorf(picloud.CodeForbidden, "an API key cannot do this; sign in")
	}
	line, ok := PermissionOf(c)
	if !ok || (line.InApp && in.App.ID == "") {
		return picloud.Errorf(picloud.CodeForbidden, "nobody may do this (%s)", c)
	}
	if !line.granted(p.User.Role, in) {
		return refused(p, line, in)
	}
	return line.withinKey(p, in)
}

// granted reports whether roles have a line's capability.
func (l Permission) granted(role picloud.Role, in picloud.AppAccess) bool {
	return slices.Contains(l.Roles, role) || (l.InApp && slices.Contains(l.AppRoles, in.Role))
}

// refused says which role is not enough.
func refused(p picloud.Principal, l Permission, in picloud.AppAccess) error {
	if l.InApp && in.Role != "" {
		return picloud.Errorf(picloud.CodeForbidden, "your role in the app %q, %s, does not allow this (%s)", in.App.Name, in.Role, l.Capability)
	}
	return picloud.Errorf(picloud.CodeForbidden, "your role, %s, does not allow this (%s)", p.User.Role, l.Capability)
}

// withinKey is nil for who is no key, and for a key that covers the line.
func (l Permission) withinKey(p picloud.Principal, in picloud.AppAccess) error {
	if p.Kind != picloud.PrincipalKey {
		return nil
	}
	covers := func(s picloud.Scope) bool { return s == picloud.ScopeAdmin || slices.Contains(l.Scopes, s) }
	if !slices.ContainsFunc(p.Key.Scopes, covers) {
		return picloud.Errorf(picloud.CodeForbidden, "the scopes of this API key do not cover this (%s)", l.Capability)
	}
	forAll := slices.Contains(l.Roles, picloud.RoleMember)
	if p.Key.AppID != "" && !forAll && (!l.InApp || p.Key.AppID != in.App.ID) {
		return picloud.Errorf(picloud.CodeForbidden, "this API key is for the app %q only (%s)", p.Key.App, l.Capability)
	}
	return nil
}

// Sees reports whether a principal may know that an app exists. To others it is
// not there.
func Sees(p picloud.Principal, in picloud.AppAccess) bool {
	if !p.Authenticated() || in.App.ID == "" {
		return false
	}
	if p.Kind == picloud.PrincipalKey && p.Key.AppID != "" && p.Key.AppID != in.App.ID {
		return false
	}
	line, _ := PermissionOf(ReadApp)
	return line.granted(p.User.Role, in)
}

// CapabilitiesOf lists what a principal may do in an app, or with the zero
// access what they may do on the instance.
func CapabilitiesOf(p picloud.Principal, in picloud.AppAccess) []Capability {
	list := []Capability{}
	for _, line := range permissions {
		if line.InApp == (in.App.ID != "") && Can(p, line.Capability, in) {
			list = append(list, line.Capability)
		}
	}
	return list
}
