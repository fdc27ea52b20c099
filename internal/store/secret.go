package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

const secretColumns = "name, version, set_at, set_by"

func scanSecret(row scanner) (v picloud.Secret, err error) {
	var at int64
	err = row.Scan(&v.Name, &v.Version, &at, &v.SetBy)
	v.SetAt = fromMicros(at)
	return v, err
}

// ListSecrets implements [picloud.Secrets].
func (s *Store) ListSecrets(ctx context.Context, app string) (list []picloud.Secret, err error) {
	err = s.read(ctx, "list secrets", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		list, err = all(tx, scanSecret, "SELECT "+secretColumns+" FROM secrets WHERE app_id = $1 ORDER BY name", a.ID)
		return err
	})
	return list, err
}

// PutSecret implements [picloud.Secrets].
func (s *Store) PutSecret(ctx context.Context, app, name, by string, seal func(picloud.SecretPlace) ([]byte, error)) (v picloud.Secret, err error) {
	err = s.change(ctx, "set a secret", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		place := picloud.SecretPlace{AppID: a.ID, Name: name, Version: 1}
		var count int64
		if err := tx.row(`SELECT count(*), COALESCE(max(CASE WHEN name = $2 THEN version END), 0) FROM secrets WHERE app_id = $1`, a.ID, name).Scan(&count, &place.Version); err != nil {
			return err
		}
		if place.Version == 0 && count >= picloud.MaxSecrets {
			return picloud.Errorf(picloud.CodeConflict, "the app has %d secrets, more are not allowed", picloud.MaxSecrets)
		}
		place.Version++
		sealed, err := seal(place)
		if err != nil {
			return err
		}
		v = picloud.Secret{Name: name, Version: place.Version, SetAt: fromMicros(micros(s.now())), SetBy: by}
		_, err = tx.exec(`INSERT INTO secrets (app_id, name, version, sealed, set_at, set_by) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (app_id, name) DO UPDATE SET version = excluded.version, sealed = excluded.sealed, set_at = excluded.set_at, set_by = excluded.set_by`,
			a.ID, name, v.Version, sealed, micros(v.SetAt), by)
		return err
	})
	return v, err
}

// DeleteSecret implements [picloud.Secrets].
func (s *Store) DeleteSecret(ctx context.Context, app, name string) error {
	return s.change(ctx, "delete a secret", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		n, err := tx.exec("DELETE FROM secrets WHERE app_id = $1 AND name = $2", a.ID, name)
		if err == nil && n == 0 {
			return picloud.NotFound("secret", name)
		}
		return err
	})
}

func scanSealed(row scanner) (v picloud.SealedSecret, err error) {
	err = row.Scan(&v.AppID, &v.Name, &v.Version, &v.Sealed)
	return v, err
}

// SealedSecretOf implements [picloud.Secrets].
func (s *Store) SealedSecretOf(ctx context.Context, appID, name string) (v picloud.SealedSecret, err error) {
	err = s.read(ctx, "read a secret", func(tx *tx) (err error) {
		v, err = scanSealed(tx.row("SELECT app_id, name, version, sealed FROM secrets WHERE app_id = $1 AND name = $2", appID, name))
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.NotFound("secret", name)
		}
		return err
	})
	return v, err
}

// ListSealedSecrets implements [picloud.Secrets].
func (s *Store) ListSealedSecrets(ctx context.Context) (list []picloud.SealedSecret, err error) {
	err = s.read(ctx, "list sealed secrets", func(tx *tx) (err error) {
		list, err = all(tx, scanSealed, "SELECT app_id, name, version, sealed FROM secrets ORDER BY app_id, name")
		return err
	})
	return list, err
}

// ReplaceSealedSecret implements [picloud.Secrets].
func (s *Store) ReplaceSealedSecret(ctx context.Context, old picloud.SealedSecret, sealed []byte) error {
	return s.write(ctx, "seal a secret anew", func(tx *tx) error {
		_, err := tx.exec("UPDATE secrets SET sealed = $1 WHERE app_id = $2 AND name = $3 AND version = $4", sealed, old.AppID, old.Name, old.Version)
		return err
	})
}
