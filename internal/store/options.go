package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/picloud/picloud/internal/picloud"
)

// optionsName is the row of settings that holds the options.
const optionsName = "options"

// ReadOptions implements [picloud.InstanceOptions].
func (s *Store) ReadOptions(ctx context.Context) (o picloud.Options, err error) {
	err = s.read(ctx, "read the options", func(tx *tx) (err error) {
		o, err = readOptions(tx)
		return err
	})
	return o, err
}

func readOptions(tx *tx) (picloud.Options, error) {
	o := picloud.DefaultOptions()
	var text string
	err := tx.row("SELECT value FROM settings WHERE name = $1", optionsName).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil { // over the defaults: what is absent keeps them
		return o, fmt.Errorf("stored options: %w", err)
	}
	return o, nil
}

// PutOptions implements [picloud.InstanceOptions].
func (s *Store) PutOptions(ctx context.Context, o picloud.Options) (before picloud.Options, err error) {
	encoded, err := json.Marshal(o)
	if err != nil {
		return before, fmt.Errorf("encode the options: %w", err)
	}
	err = s.write(ctx, "set the options", func(tx *tx) error {
		if before, err = readOptions(tx); err != nil {
			return err
		}
		_, err := tx.exec(`INSERT INTO settings (name, value, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
			optionsName, string(encoded), micros(s.now()))
		return err
	})
	return before, err
}
