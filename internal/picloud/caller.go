package picloud

// Caller is who calls a route that is not for everybody, as a script sees them.
type Caller struct {
	Kind PrincipalKind
	User string // the user name; of a key, that of its user
	Key  string // the key's name, for a key
	Role string // what the user is in the app: an AppRole, or for who needs none there, the Role
}

// CallerOf is what a script sees of a principal in an app.
func CallerOf(p Principal, in AppAccess) *Caller {
	c := &Caller{Kind: p.Kind, User: p.User.Username, Role: string(in.Role)}
	if p.CanManage() {
		c.Role = string(p.User.Role)
	}
	if p.Kind == PrincipalKey {
		c.Key = p.Key.Name
	}
	return c
}
