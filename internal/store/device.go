package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

const deviceQuery = "SELECT d.id, d.app_id, a.name, d.name, d.created_at, d.created_by, d.secret_hash FROM devices d JOIN apps a ON a.id = d.app_id"

// deviceRow is a device with the hash of its secret.
type deviceRow struct {
	picloud.Device
	secret []byte
}

func scanDevice(row scanner) (d deviceRow, err error) {
	var created int64
	err = row.Scan(&d.ID, &d.AppID, &d.App, &d.Name, &created, &d.CreatedBy, &d.secret)
	d.CreatedAt = fromMicros(created)
	return d, err
}

// CreateDevice implements [picloud.Devices].
func (s *Store) CreateDevice(ctx context.Context, app, name, by string, secret picloud.TokenHash) (d picloud.Device, err error) {
	err = s.write(ctx, "create a device", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		var count int64
		if err := tx.row("SELECT COUNT(*) FROM devices WHERE app_id = $1", a.ID).Scan(&count); err != nil {
			return err
		}
		if count >= picloud.MaxDevices {
			return picloud.Errorf(picloud.CodeConflict, "the app has %d devices, more are not allowed", count)
		}
		d = picloud.Device{ID: s.ids.New(), AppID: a.ID, App: a.Name, Name: name, CreatedAt: fromMicros(micros(s.now())), CreatedBy: by}
		n, err := tx.exec("INSERT INTO devices (id, app_id, name, secret_hash, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (app_id, name) DO NOTHING",
			d.ID, d.AppID, d.Name, secret[:], micros(d.CreatedAt), d.CreatedBy)
		if err == nil && n == 0 {
			err = picloud.Errorf(picloud.CodeConflict, "there is a device %q already", name)
		}
		return err
	})
	return d, err
}

// ListDevices implements [picloud.Devices].
func (s *Store) ListDevices(ctx context.Context, app string) (list []picloud.Device, err error) {
	err = s.read(ctx, "list devices", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		rows, err := all(tx, scanDevice, deviceQuery+" WHERE d.app_id = $1 ORDER BY d.name", a.ID)
		list = make([]picloud.Device, len(rows))
		for i := range rows {
			list[i] = rows[i].Device
		}
		return err
	})
	return list, err
}

// DeleteDevice implements [picloud.Devices].
func (s *Store) DeleteDevice(ctx context.Context, app, name string) error {
	return s.change(ctx, "delete a device", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		n, err := tx.exec("DELETE FROM devices WHERE app_id = $1 AND name = $2", a.ID, name)
		if err == nil && n == 0 {
			err = picloud.NotFound("device", name)
		}
		return err
	})
}

// DeviceSecret implements [picloud.Devices].
func (s *Store) DeviceSecret(ctx context.Context, app, name string) (d picloud.Device, secret picloud.TokenHash, err error) {
	err = s.read(ctx, "read a device", func(tx *tx) error {
		row, err := scanDevice(tx.row(deviceQuery+" WHERE a.name = $1 AND d.name = $2", app, name))
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.NotFound("device", name)
		}
		d = row.Device
		copy(secret[:], row.secret)
		return err
	})
	return d, secret, err
}

// DevicesLeft implements [picloud.Devices].
func (s *Store) DevicesLeft(ctx context.Context, ids []string) (left []string, err error) {
	err = s.read(ctx, "look which devices are left", func(tx *tx) error {
		left = left[:0]
		for _, id := range ids {
			var n int64
			if err := tx.row("SELECT COUNT(*) FROM devices WHERE id = $1", id).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				left = append(left, id)
			}
		}
		return nil
	})
	return left, err
}
