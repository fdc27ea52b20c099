package auth

import (
	"context"

	"github.com/picloud/picloud/internal/picloud"
)

// SetupRequired reports whether the instance has no owner yet. Once it has
// one, the answer costs nothing.
func (s *Service) SetupRequired(ctx context.Context) (bool, error) {
	if s.setUp.Load() {
		return false, nil
	}
	exists, err := s.store.OwnerExists(ctx)
	if err != nil {
		return false, err
	}
	if exists {
		s.setUp.Store(true)
	}
	return !exists, nil
}

// NewSetupToken makes the token of the one-time link with which the first
// owner is created. It replaces the one before and lives for SetupTTL.
func (s *Service) NewSetupToken(ctx context.Context) (string, error) {
	token, hash, err := newToken(s.rand, setupPrefix)
	if err != nil {
		return "", err
	}
	return token, s.store.PutSetupToken(ctx, hash, s.now().Add(SetupTTL))
}

// NewOwner is what somebody says who sets an instance up.
type NewOwner struct {
	Username, Email, Password string
}

// Setup creates the first owner for whoever holds the setup token. It fails
// with CodeSetupDone when there is one, and with CodeInvalidCredentials when
// the token is not the current one.
func (s *Service) Setup(ctx context.Context, token string, owner NewOwner) (picloud.User, error) {
	hash, err := hashToken(token, setupPrefix)
	if err != nil {
		return picloud.User{}, &picloud.Error{Code: picloud.CodeInvalidCredentials, Field: "token", Message: "this is not a setup token"}
	}
	return s.createOwner(ctx, owner, &hash)
}

// Bootstrap creates the first owner for the operator, who needs no token. When
// there is an owner already it changes nothing and reports false.
func (s *Service) Bootstrap(ctx context.Context, owner NewOwner) (created bool, err error) {
	_, err = s.createOwner(ctx, owner, nil)
	if picloud.IsCode(err, picloud.CodeSetupDone) {
		return false, nil
	}
	return err == nil, err
}

func (s *Service) createOwner(ctx context.Context, in NewOwner, token *picloud.TokenHash) (picloud.User, error) {
	// Asked first, so that nothing is hashed for nothing; the store asks again.
	required, err := s.SetupRequired(ctx)
	if err != nil {
		return picloud.User{}, err
	}
	if !required {
		return picloud.User{}, picloud.Errorf(picloud.CodeSetupDone, "this instance has an owner already")
	}
	owner := picloud.NewOwner{SetupToken: token}
	if owner.Username, err = picloud.NormalizeUsername(in.Username); err != nil {
		return picloud.User{}, err
	}
	if owner.Email, err = picloud.NormalizeEmail(in.Email); err != nil {
		return picloud.User{}, err
	}
	if err := ValidatePassword(in.Password, owner.Username, owner.Email); err != nil {
		return picloud.User{}, err
	}
	if owner.PasswordHash, err = s.hasher.hash(ctx, in.Password); err != nil {
		return picloud.User{}, err
	}
	user, err := s.store.CreateOwner(ctx, owner)
	if err == nil {
		s.setUp.Store(true)
	}
	return user, err
}
