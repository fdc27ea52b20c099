package picloud

import (
	"context"
	"time"
)

// AppRole is what a user may do in one app.
type AppRole string

// The app roles. Owners and admins of the instance may do everything in every
// app and need none.
const (
	AppAdmin  AppRole = "admin"  // everything, also members, secrets and domains
	AppEditor AppRole = "editor" // what makes the app work: scripts, routes, data
	AppViewer AppRole = "viewer" // look, and change nothing
)

// Valid reports whether r is one of the app roles.
func (r AppRole) Valid() bool { return r == AppAdmin || r == AppEditor || r == AppViewer }

// Member is a user who belongs to an app.
type Member struct {
	App       string    `json:"app"`
	UserID    string    `json:"user_id"`
	Username  string    `json:"username"`
	Role      AppRole   `json:"role"`
	Active    bool      `json:"active"` // the user's
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// AppAccess is an app with what somebody is in it. The zero value is no app.
type AppAccess struct {
	App  App
	Role AppRole // "" for who does not belong to it
}

// Members keeps who belongs to which app. An app or user that is not there is
// CodeNotFound.
type Members interface {
	// AppAccess answers what a user is in an app.
	AppAccess(ctx context.Context, app, userID string) (AppAccess, error)
	// PutMember gives a user a role in an app, and tells the one from before,
	// "" if there was none.
	PutMember(ctx context.Context, app, userID string, role AppRole) (now Member, before AppRole, err error)
	// RemoveMember takes a user out of an app; CodeNotFound for who is not in
	// it. It tells the role that they had.
	RemoveMember(ctx context.Context, app, userID string) (before AppRole, err error)
	// ListMembers lists who belongs to an app, by user name.
	ListMembers(ctx context.Context, app string) ([]Member, error)
	// ListMemberships lists what a user belongs to, by app.
	ListMemberships(ctx context.Context, userID string) ([]Member, error)
}
