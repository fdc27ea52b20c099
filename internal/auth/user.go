package auth

import (
	"context"

	"github.com/picloud/picloud/internal/picloud"
)

// NewUser is a user whom somebody asks for.
type NewUser struct {
	Username, Email string
	Role            picloud.Role // "" means admin
	// Password may be "": then there is none until one is set, and the user
	// signs in through a provider.
	Password string
}

// CreateUser makes a user for a principal. Who may is checked by the store, in
// the transaction that does it.
func (s *Service) CreateUser(ctx context.Context, p picloud.Principal, in NewUser) (u picloud.User, err error) {
	if in.Role == "" {
		in.Role = picloud.RoleAdmin
	}
	out := picloud.NewUser{Role: in.Role}
	if err := validateRole(in.Role); err != nil {
		return u, err
	}
	if out.Username, err = picloud.NormalizeUsername(in.Username); err != nil {
		return u, err
	}
	if out.Email, err = picloud.NormalizeEmail(in.Email); err != nil {
		return u, err
	}
	if in.Password != "" {
		if out.PasswordHash, err = s.newHash(ctx, in.Password, out.Username, out.Email); err != nil {
			return u, err
		}
	}
	return s.store.CreateUser(ctx, p.User.ID, out)
}

func validateRole(r picloud.Role) error {
	if !r.Valid() {
		return picloud.Invalid("role", "there is no such role; there are owner, admin and member")
	}
	return nil
}

// newHash is the hash of a password that is good enough.
func (s *Service) newHash(ctx context.Context, password, username, email string) (string, error) {
	if err := ValidatePassword(password, username, email); err != nil {
		return "", err
	}
	return s.hasher.hash(ctx, password)
}

// UserChange is what somebody wants to change of a user. A nil field stays.
type UserChange struct {
	Email       *string
	Role        *picloud.Role
	Active      *bool
	Password    *string // ends the user's sessions
	EndSessions bool
	ExpireKeys  bool
}

// ChangeUser changes a user for a principal, and is the user before and after.
// One's own password and address are not changed here: that takes the password.
func (s *Service) ChangeUser(ctx context.Context, p picloud.Principal, u picloud.User, c UserChange) (before, after picloud.User, err error) {
	out := picloud.UserChange{Role: c.Role, Active: c.Active, EndSessions: c.EndSessions, ExpireKeys: c.ExpireKeys}
	email := u.Email
	if c.Role != nil {
		if err := validateRole(*c.Role); err != nil {
			return before, after, err
		}
	}
	if c.Email != nil {
		if p.User.ID == u.ID {
			return before, after, picloud.Invalid("email", "one's own e-mail address is changed with the password")
		}
		if email, err = picloud.NormalizeEmail(*c.Email); err != nil {
			return before, after, err
		}
		out.Email = &email
	}
	if c.Password != nil {
		if p.User.ID == u.ID {
			return before, after, picloud.Invalid("password", "one's own password is changed with the old one")
		}
		hash, err := s.newHash(ctx, *c.Password, u.Username, email)
		if err != nil {
			return before, after, err
		}
		out.PasswordHash = &hash
	}
	return s.store.ChangeUser(ctx, p.User.ID, u.ID, out)
}
