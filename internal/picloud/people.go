package picloud

import "context"

// NewUser is a user who is to be made.
type NewUser struct {
	Username, Email string // normalised
	Role            Role
	PasswordHash    string // "" for who has no password
}

// UserChange is what is to change of a user. A nil field stays.
type UserChange struct {
	Email  *string // normalised
	Role   *Role
	Active *bool
	// PasswordHash replaces the hash, and ends all sessions of the user. So
	// does a change of Active to false.
	PasswordHash *string
	EndSessions  bool
	// ExpireKeys makes all API keys of the user expire.
	ExpireKeys bool
}

// Users keeps the people of an instance. actor is the id of the user who asks;
// "" is the operator, who may do everything but leave the instance without an
// owner.
//
// Who may do what is checked in the transaction that does it, against what is
// stored then: of two requests that are fine one by one and not together, the
// second is refused. CodeForbidden is the answer to who is no active owner or
// admin any more, to an admin who touches an owner or would make one, and to
// who would raise their own role; CodeLastOwner and CodeLastAdmin to what would
// leave nobody in charge; CodeNotFound for a user who is not there; CodeConflict
// with the field for a name or an address that is taken, in whatever case.
type Users interface {
	// ListUsers lists all users by name.
	ListUsers(ctx context.Context) ([]User, error)
	// UserByName finds a user by name or id.
	UserByName(ctx context.Context, name string) (User, error)
	// CreateUser makes a user.
	CreateUser(ctx context.Context, actor string, u NewUser) (User, error)
	// ChangeUser changes a user, and is the user before and after.
	ChangeUser(ctx context.Context, actor, id string, change UserChange) (before, after User, err error)
	// DeleteUser deletes a user with their sessions, keys and memberships.
	DeleteUser(ctx context.Context, actor, id string) (User, error)
}
