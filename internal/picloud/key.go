package picloud

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Scope names a part of what a user may do, for a key to be confined to.
type Scope string

// The scopes. What each of them covers is in package access.
const (
	ScopeRead   Scope = "read"   // look at scripts, routes, records and members
	ScopeDeploy Scope = "deploy" // change what is live, and watch it
	ScopeInvoke Scope = "invoke" // run scripts and call routes that ask for a key
	ScopeData   Scope = "data"   // read and write an app's data
	ScopeAdmin  Scope = "admin"  // all that its user may do, but for what is personal
)

// Scopes lists all scopes.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeDeploy, ScopeInvoke, ScopeData, ScopeAdmin} }

// Bounds of API keys.
const (
	MaxKeyName     = 64
	MaxKeysPerUser = 100
	// DefaultKeyLife and MaxKeyLife are how long a key lives if it is not said,
	// and at most. A key without an end is found by somebody else some day.
	DefaultKeyLife = 90 * 24 * time.Hour
	MaxKeyLife     = 366 * 24 * time.Hour
	// TouchKeyEvery is how often the use of a key is written down.
	TouchKeyEvery = time.Minute
)

// APIKey is a key with which a machine acts for a user. It holds nothing
// secret: the prefix is the part of the key that may be seen.
type APIKey struct {
	ID         string    `json:"id"`
	UserID     string    `json:"user_id"`
	Name       string    `json:"name"`
	Prefix     string    `json:"prefix"`
	Scopes     []Scope   `json:"scopes"`
	AppID      string    `json:"-"`
	App        string    `json:"app,omitempty"` // for this app alone; "" for all that its user reaches
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"` // to the minute; zero if it never was
}

// KeyCredentials is what proves that somebody holds a key. Only the verifier
// sees it, and it is never encoded.
type KeyCredentials struct {
	Key        APIKey
	User       User
	SecretHash TokenHash
}

// ValidateKeyName refuses a name that is empty, over-long or not one line of
// plain text.
func ValidateKeyName(name string) error {
	if strings.TrimSpace(name) == "" || len(name) > MaxKeyName {
		return Invalid("name", "the name of a key has 1 to %d bytes", MaxKeyName)
	}
	if name != ToText(name) {
		return Invalid("name", "the name is not one line of valid UTF-8 text")
	}
	return nil
}

// ValidateScopes refuses an empty list, and scopes that do not exist or are
// there twice.
func ValidateScopes(scopes []Scope) error {
	if len(scopes) == 0 {
		return Invalid("scopes", "a key needs a scope: one or more of %s", scopeList())
	}
	for i, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return Invalid("scopes", "%q is not a scope; there are %s", clip(ToText(string(s))), scopeList())
		}
		if slices.Contains(scopes[:i], s) {
			return Invalid("scopes", "the scope %q is there twice", s)
		}
	}
	return nil
}

func scopeList() string {
	names := make([]string, 0, len(Scopes()))
	for _, s := range Scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// APIKeys keeps the keys of users.
type APIKeys interface {
	// CreateKey enters a key under its prefix and the hash of its secret. Its
	// App, if it has one, is looked up by name. It fails with CodeConflict when
	// the user has MaxKeysPerUser keys.
	CreateKey(ctx context.Context, k APIKey, secret TokenHash) (APIKey, error)
	// KeyByPrefix is the verifier's: the key with this prefix that has not
	// expired by now, with its user if that one is active;
	// CodeUnauthenticated otherwise.
	KeyByPrefix(ctx context.Context, prefix string, now time.Time) (KeyCredentials, error)
	// TouchKey writes the last use of a key down, unless it was used within
	// TouchKeyEvery before.
	TouchKey(ctx context.Context, id string, at time.Time) error
	// ListKeys lists a user's keys, the newest first, with those that have
	// expired.
	ListKeys(ctx context.Context, userID string) ([]APIKey, error)
	// KeyByID finds a user's key.
	KeyByID(ctx context.Context, userID, id string) (APIKey, error)
	// DeleteKey deletes a user's key.
	DeleteKey(ctx context.Context, userID, id string) error
	// ExpireKeys makes all keys of a user expire, and tells how many had not.
	ExpireKeys(ctx context.Context, userID string, now time.Time) (int64, error)
	// DeleteExpiredKeys drops what has expired before a time.
	DeleteExpiredKeys(ctx context.Context, before time.Time) (int64, error)
}
