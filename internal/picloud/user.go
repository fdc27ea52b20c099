package picloud

import "time"

// Role is what a user may do on the whole instance.
type Role string

// The instance roles. Owners and admins may do everything in every app; a
// member sees only the apps they belong to.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Roles lists the instance roles.
func Roles() []Role { return []Role{RoleOwner, RoleAdmin, RoleMember} }

// rank orders the roles: a higher one may do all that a lower one may.
func (r Role) rank() int {
	switch r {
	case RoleOwner:
		return 3
	case RoleAdmin:
		return 2
	case RoleMember:
		return 1
	}
	return 0
}

// Above reports whether r may do more than other.
func (r Role) Above(other Role) bool { return r.rank() > other.rank() }

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == RoleOwner || r == RoleAdmin || r == RoleMember }

// User is a person with an account. It holds nothing secret.
type User struct {
	ID        string    `json:"id"`
	Username  string    `json:"username"` // normalised, unique
	Email     string    `json:"email"`    // normalised, unique
	Role      Role      `json:"role"`
	Active    bool      `json:"active"` // an inactive user can neither sign in nor use a session
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Credentials is what proves that somebody is a user. Only the verifier sees
// it, and it is never encoded.
type Credentials struct {
	User         User
	PasswordHash string
}

// Session is a signed-in person on one device. The token itself is held by the
// client only; the store knows its hash.
type Session struct {
	ID         string    `json:"id"`
	UserID     string    `json:"user_id"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Address    string    `json:"address"` // where it was made from, for the user to recognise it
	UserAgent  string    `json:"user_agent"`
}

// TokenHash is the SHA-256 of a secret token: all of it that is ever stored.
type TokenHash [32]byte

// PrincipalKind tells what a principal is.
type PrincipalKind string

// The kinds of principal.
const (
	PrincipalUser PrincipalKind = "user" // a person with a session
	PrincipalKey  PrincipalKind = "key"  // an API key, which acts for its user
)

// Principal is whoever a request to the control plane acts for. The zero value
// is nobody, and may do nothing.
type Principal struct {
	Kind      PrincipalKind
	User      User   // the account; for a key, the one that owns it
	SessionID string // for a person
	Key       APIKey // for a key; what it confines its user to
	// Until is when what the principal was recognised by ends, unless it is
	// used. The zero time says nothing.
	Until time.Time
}

// Authenticated reports whether p is anybody.
func (p Principal) Authenticated() bool { return p.Kind != "" && p.User.Active }

// CanManage reports whether p may do everything in every app.
func (p Principal) CanManage() bool {
	return p.Authenticated() && (p.User.Role == RoleOwner || p.User.Role == RoleAdmin)
}
