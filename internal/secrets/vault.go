package secrets

import (
	"context"
	"fmt"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/seal"
)

// Vault seals and opens the secrets of apps. It is safe for concurrent use.
type Vault struct {
	store picloud.Secrets
	keys  *seal.Keyring // nil: the server has no key
}

// New makes a vault. Without keys nothing can be set or opened.
func New(store picloud.Secrets, keys *seal.Keyring) *Vault { return &Vault{store, keys} }

// errNoKey tells what is missing.
func errNoKey() error {
	return picloud.Errorf(picloud.CodeUnavailable, "this server has no key to seal secrets with: name a key file in PICLOUD_MASTER_KEY_FILE")
}

// Set gives a secret of an app a value.
func (v *Vault) Set(ctx context.Context, app, name, value, by string) (picloud.Secret, error) {
	if err := picloud.ValidateSecretName(name); err != nil {
		return picloud.Secret{}, err
	}
	if err := picloud.ValidateSecretValue(value); err != nil {
		return picloud.Secret{}, err
	}
	if v.keys == nil {
		return picloud.Secret{}, errNoKey()
	}
	return v.store.PutSecret(ctx, app, name, by, func(place picloud.SecretPlace) ([]byte, error) {
		return v.keys.Seal([]byte(value), place.String())
	})
}

// Value is the value of a secret; CodeNotFound if the app has none of that name.
func (v *Vault) Value(ctx context.Context, appID, name string) (string, error) {
	sealed, err := v.store.SealedSecretOf(ctx, appID, name)
	if err != nil {
		return "", err
	}
	if v.keys == nil {
		return "", errNoKey()
	}
	value, err := v.keys.Open(sealed.Sealed, sealed.SecretPlace.String())
	if err != nil {
		return "", fmt.Errorf("open the secret %s: %w", name, err)
	}
	return string(value), nil
}

// Reseal brings all secrets under the current key of the instance, and tells how
// many it changed. It fails if one cannot be opened: the keys are not those of
// this database.
func (v *Vault) Reseal(ctx context.Context) (changed int, err error) {
	list, err := v.store.ListSealedSecrets(ctx)
	if err != nil || v.keys == nil {
		return 0, err
	}
	for _, old := range list {
		sealed, fresh, err := v.keys.Rewrap(old.Sealed, old.SecretPlace.String())
		if err != nil {
			return changed, fmt.Errorf("open the secret %s: %w", old.Name, err)
		}
		if !fresh {
			continue
		}
		if err := v.store.ReplaceSealedSecret(ctx, old, sealed); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}
