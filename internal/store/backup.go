package store

import (
	"context"
	"database/sql"
	"os"

	"github.com/picloud/picloud/internal/picloud"
)

// Backup writes a copy of everything as it is at one moment to a new file,
// which is on disk when Backup returns. Others go on reading and writing
// meanwhile. A PostgreSQL database has tools of its own for it: CodeConflict.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.pg != nil {
		return picloud.Errorf(picloud.CodeConflict, "the database is PostgreSQL: back it up with pg_dump")
	}
	// A connection of its own: those for reading are forbidden to write, also
	// to other files, and that for writing has other things to do.
	db, err := sql.Open("sqlite", dsn(s.path, "deferred", nil))
	if err != nil {
		return err
	}
	defer db.Close()
	if err := createPrivate(path); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		os.Remove(path)
		return err
	}
	return syncFile(path)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
