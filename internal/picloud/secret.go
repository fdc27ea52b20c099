package picloud

import (
	"context"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"
)

// What the secrets of an app may be.
const (
	MaxSecretName  = 64
	MaxSecretBytes = 64 << 10
	MaxSecrets     = 200 // of one app
	// MinScrubbed is from which length on the value of a secret is looked for
	// where it must not be: a shorter one would be found everywhere.
	MinScrubbed = 8
)

// Secret is what may be known of a secret of an app: all but its value.
type Secret struct {
	Name    string    `json:"name"`
	Version int64     `json:"version"` // 1, and one more with every new value
	SetAt   time.Time `json:"set_at"`
	SetBy   string    `json:"set_by"` // a user name
}

var secretName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// ValidateSecretName refuses what cannot be the name of a secret.
func ValidateSecretName(name string) error {
	if len(name) > MaxSecretName || !secretName.MatchString(name) {
		return Invalid("name", "%q is not the name of a secret: letters, digits and _, beginning with a letter, at most %d", clip(name), MaxSecretName)
	}
	return nil
}

// ValidateSecretValue refuses what cannot be the value of a secret. No message
// holds any of it.
func ValidateSecretValue(value string) error {
	switch {
	case value == "":
		return Invalid("value", "the value is empty")
	case len(value) > MaxSecretBytes:
		return Invalid("value", "the value has %d bytes, at most %d are allowed", len(value), MaxSecretBytes)
	case !utf8.ValidString(value):
		return Invalid("value", "the value is not valid UTF-8")
	}
	return nil
}

// SecretPlace is where the value of a secret is kept, which it is bound to.
type SecretPlace struct {
	AppID, Name string
	Version     int64
}

// String is the place as sealing takes it.
func (p SecretPlace) String() string {
	return fmt.Sprintf("secret/%s/%s/%d", p.AppID, p.Name, p.Version)
}

// SealedSecret is the value of a secret as it is kept.
type SealedSecret struct {
	SecretPlace
	Sealed []byte
}

// Secrets keeps the secrets of apps, sealed. An app or secret that is not there
// is CodeNotFound. Changes are changes of what is live.
type Secrets interface {
	// ListSecrets lists what may be known of an app's secrets, by name.
	ListSecrets(ctx context.Context, app string) ([]Secret, error)
	// PutSecret sets a secret to what seal makes for its place; CodeConflict if
	// the app would have too many.
	PutSecret(ctx context.Context, app, name, by string, seal func(SecretPlace) ([]byte, error)) (Secret, error)
	DeleteSecret(ctx context.Context, app, name string) error
	// SealedSecretOf is the value of a secret, sealed.
	SealedSecretOf(ctx context.Context, appID, name string) (SealedSecret, error)
	// ListSealedSecrets lists those of all apps.
	ListSealedSecrets(ctx context.Context) ([]SealedSecret, error)
	// ReplaceSealedSecret puts the same value, sealed anew, in the place of an
	// old one, if that is still there.
	ReplaceSealedSecret(ctx context.Context, old SealedSecret, sealed []byte) error
}
