package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// Migrations are additive: they add tables, columns with a default, indexes and
// rows, and take nothing away that the release before uses. So a node of an
// older release goes on working while a newer one has migrated the database,
// and a release can be taken back. A migration that cannot be so raises the
// counter schema_floor to its own number, and everybody older is refused.
//
//go:embed migrations/*.sql
var migrations embed.FS

// The numbers of advisory locks, which all who use a database agree on. The
// upper half says that they are PiCloud's.
const (
	lockMigrate int64 = 0x7069636c<<32 + iota // held while migrating
	lockUse                                   // shared by who works on the database, held by who copies it
	lockPrune                                 // held while cutting the history
	lockDuty                                  // and what follows: see Lead
)

// migrate brings the schema to what this binary knows, or leaves one alone that
// is ahead of it.
func (s *Store) migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	// Out of order: one with a lower number may be merged after one with a
	// higher number, and a database that has the higher one gets it all the same.
	provider, err := goose.NewProvider(dialect, db, dir, goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if current > known {
		return s.checkFloor(ctx, current, known)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// checkFloor refuses a schema that went beyond what this binary can work with.
func (s *Store) checkFloor(ctx context.Context, current, known int64) error {
	var floor int64
	err := s.read(ctx, "read the schema's floor", func(tx *tx) error {
		err := tx.row("SELECT value FROM counters WHERE name = 'schema_floor'").Scan(&floor)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if floor > known {
		return fmt.Errorf("the database has schema %d, and asks for a PiCloud that knows schema %d; this one knows up to %d: it was written by a newer PiCloud",
			current, floor, known)
	}
	s.log.Info("the database was migrated by a newer PiCloud, whose additions this one does not use", "schema", current, "known", known)
	return nil
}

// migratePostgres migrates while nobody else does: of nodes that start at once
// one migrates, and the others find it done.
func (s *Store) migratePostgres(ctx context.Context) error {
	db := stdlib.OpenDB(*s.pg.session.Copy()) // without the pool's timeouts: a migration takes as long as it does
	defer db.Close()
	lock, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lockMigrate); err != nil {
		return fmt.Errorf("wait for who migrates: %w", err)
	}
	// The lock ends with its connection, which db.Close closes.
	if err := checkEncoding(ctx, lock); err != nil {
		return err
	}
	if err := s.migrate(ctx, goose.DialectPostgres, db); err != nil {
		return err
	}
	return compareBytes(ctx, db)
}

func checkEncoding(ctx context.Context, conn *sql.Conn) error {
	var encoding string
	if err := conn.QueryRowContext(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s; it has to be UTF8 (createdb --encoding UTF8 --template template0)", encoding)
	}
	return nil
}

// compareBytes has texts compared byte by byte, as SQLite does, whatever the
// database's locale: lists are in the same order on both, and no update of the
// system's locales can leave an index in the wrong order.
func compareBytes(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT format('ALTER TABLE %I ', c.table_name) ||
			string_agg(format('ALTER COLUMN %I TYPE text COLLATE "C"', c.column_name), ', ')
		FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.data_type = 'text' AND c.collation_name IS NULL
		GROUP BY c.table_name`)
	if err != nil {
		return fmt.Errorf("look for collations: %w", err)
	}
	defer rows.Close()
	var statements []string
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			return err
		}
		statements = append(statements, statement)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
