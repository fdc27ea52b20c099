package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

// addJournal enters the journal of the invocation with a number.
func addJournal(tx *tx, seq int64, data []byte) error {
	_, err := tx.exec("INSERT INTO journals (invocation_seq, data) VALUES ($1, $2)", seq, data)
	return err
}

// JournalOf implements [picloud.Records].
func (s *Store) JournalOf(ctx context.Context, app, id string) (v picloud.Invocation, data []byte, err error) {
	v, err = s.InvocationByID(ctx, app, id)
	if err != nil {
		return v, nil, err
	}
	err = s.read(ctx, "read a journal", func(tx *tx) error {
		err := tx.row("SELECT data FROM journals WHERE invocation_seq = $1", v.Seq).Scan(&data)
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.NotFound("journal of invocation", id)
		}
		return err
	})
	return v, data, err
}
