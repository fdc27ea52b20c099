package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

const domainQuery = `SELECT d.name, d.app_id, a.name, d.challenge, d.created_by, d.created_at, d.verified_at, d.verified_by
	FROM domains d JOIN apps a ON a.id = d.app_id`

func scanDomain(row scanner) (d picloud.Domain, err error) {
	var created, verified int64
	var by string
	err = row.Scan(&d.Name, &d.AppID, &d.App, &d.Challenge, &d.CreatedBy, &created, &verified, &by)
	d.CreatedAt, d.VerifiedBy = fromMicros(created), picloud.ProofKind(by)
	if verified > 0 {
		d.VerifiedAt = fromMicros(verified)
	}
	return d, err
}

// ListDomains implements [picloud.Domains].
func (s *Store) ListDomains(ctx context.Context, app string) (list []picloud.Domain, err error) {
	err = s.read(ctx, "list domains", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		list, err = all(tx, scanDomain, domainQuery+" WHERE d.app_id = $1 ORDER BY d.name", a.ID)
		return err
	})
	return list, err
}

// verifiedDomains lists those of all apps.
func verifiedDomains(tx *tx) ([]picloud.Domain, error) {
	return all(tx, scanDomain, domainQuery+" WHERE d.verified_at > 0 ORDER BY d.name")
}

// DomainByName implements [picloud.Domains].
func (s *Store) DomainByName(ctx context.Context, app, name string) (d picloud.Domain, err error) {
	err = s.read(ctx, "read a domain", func(tx *tx) (err error) {
		d, err = domainByName(tx, app, name)
		return err
	})
	return d, err
}

func domainByName(tx *tx, app, name string) (picloud.Domain, error) {
	a, err := appByName(tx, app)
	if err != nil {
		return picloud.Domain{}, err
	}
	d, err := scanDomain(tx.row(domainQuery+" WHERE d.app_id = $1 AND d.name = $2", a.ID, name))
	if errors.Is(err, sql.ErrNoRows) {
		return d, picloud.NotFound("domain", name)
	}
	return d, err
}

// AddDomain implements [picloud.Domains]. It takes its turn with other changes,
// though nothing live changes by it: what it looks at stays so until it is
// done.
func (s *Store) AddDomain(ctx context.Context, n picloud.NewDomain) (d picloud.Domain, err error) {
	err = s.change(ctx, "add a domain", func(tx *tx) error {
		a, err := appByName(tx, n.App)
		if err != nil {
			return err
		}
		if err := domainFree(tx, a.ID, n.Name); err != nil {
			return err
		}
		var count int64
		if err := tx.row("SELECT count(*) FROM domains WHERE app_id = $1", a.ID).Scan(&count); err != nil {
			return err
		}
		if count >= picloud.MaxDomains {
			return domainConflict("the app has %d domains, which is as many as it may have", count)
		}
		added, err := tx.exec(`INSERT INTO domains (app_id, name, challenge, created_by, created_at, verified_at, verified_by)
			VALUES ($1, $2, $3, $4, $5, 0, '') ON CONFLICT (app_id, name) DO NOTHING`, a.ID, n.Name, n.Challenge, n.By, micros(s.now()))
		if err != nil {
			return err
		}
		if added == 0 {
			return domainConflict("the app has the domain %q already", n.Name)
		}
		d, err = domainByName(tx, n.App, n.Name)
		return err
	})
	return d, err
}

// domainFree refuses a domain that another app has verified. It does not say
// which: that is not the asker's business.
func domainFree(tx *tx, appID, name string) error {
	var taken int64
	err := tx.row("SELECT count(*) FROM domains WHERE name = $1 AND app_id <> $2 AND verified_at > 0", name, appID).Scan(&taken)
	if err == nil && taken > 0 {
		err = domainConflict("the domain %q belongs to another app of this instance", name)
	}
	return err
}

func domainConflict(format string, args ...any) error {
	e := picloud.Errorf(picloud.CodeConflict, format, args...)
	e.Field = "name"
	return e
}

// VerifyDomain implements [picloud.Domains].
func (s *Store) VerifyDomain(ctx context.Context, app, name, challenge string, by picloud.ProofKind) (d picloud.Domain, err error) {
	err = s.change(ctx, "verify a domain", func(tx *tx) error {
		if d, err = domainByName(tx, app, name); err != nil {
			return err
		}
		if d.Challenge != challenge {
			return domainConflict("the domain %q was removed and added again meanwhile; prove it anew", name)
		}
		if d.Verified() {
			return nil
		}
		if err := domainFree(tx, d.AppID, name); err != nil {
			return err
		}
		if _, err := tx.exec("UPDATE domains SET verified_at = $1, verified_by = $2 WHERE app_id = $3 AND name = $4",
			micros(s.now()), string(by), d.AppID, name); err != nil {
			return err
		}
		d, err = domainByName(tx, app, name)
		return err
	})
	return d, err
}

// DeleteDomain implements [picloud.Domains].
func (s *Store) DeleteDomain(ctx context.Context, app, name string) error {
	return s.change(ctx, "delete a domain", func(tx *tx) error {
		d, err := domainByName(tx, app, name)
		if err != nil {
			return err
		}
		_, err = tx.exec("DELETE FROM domains WHERE app_id = $1 AND name = $2", d.AppID, d.Name)
		return err
	})
}
