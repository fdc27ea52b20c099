package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

func configOf(path string) Config {
	return Config{Path: path, Now: time.Now, IDs: picloud.NewIDs(time.Now, rand.Reader), Log: slog.New(slog.DiscardHandler)}
}

// fillTables enters a row into every table that has none, whatever the tables
// are, so that none is forgotten.
func fillTables(t *testing.T, path string) {
	t.Helper()
	s := openAt(t, path)
	defer s.Close()
	if _, err := s.writer.Exec("PRAGMA foreign_keys = 0"); err != nil {
		t.Fatal(err)
	}
	names, err := texts(t.Context(), s.writer, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		columns, err := columnsOf(t.Context(), s.writer, name)
		if err != nil {
			t.Fatal(err)
		}
		r := relation{name: name, columns: columns}
		var values []string
		for _, c := range columns {
			values = append(values, map[string]string{
				"text": "'é\"\n; 日本'", "bigint": "1", "boolean": "true", "bytea": "x'00ff80'",
			}[c.kind])
		}
		if _, err := s.writer.Exec(fmt.Sprintf("INSERT INTO %s (%s) SELECT %s WHERE NOT EXISTS (SELECT 1 FROM %[1]s)",
			quoted(name), r.list(), strings.Join(values, ", "))); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	// What refers to nothing is mended by pointing it at what is there.
	mend(t, s)
}

// mend points dangling references at rows that are there.
func mend(t *testing.T, s *Store) {
	t.Helper()
	refs, err := texts(t.Context(), s.writer, `SELECT 'UPDATE "' || m.name || '" SET "' || f."from" || '" = (SELECT "' || f."to" || '" FROM "' || f."table" || '" LIMIT 1)'
		FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // references may be chained
		for _, statement := range refs {
			if _, err := s.writer.Exec(statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	if bad, err := texts(t.Context(), s.writer, `SELECT "table" FROM pragma_foreign_key_check`); err != nil || len(bad) > 0 {
		t.Fatalf("dangling references in %v, %v", bad, err)
	}
}

func TestTransferThereAndBack(t *testing.T) {
	t.Parallel()
	first, last := filepath.Join(t.TempDir(), "picloud.db"), filepath.Join(t.TempDir(), "picloud.db")
	url := testenv.Database(t)
	fillTables(t, first)
	there, err := Transfer(t.Context(), configOf(first), configOf(url))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range there {
		if c.Rows == 0 {
			t.Errorf("no row of %s was copied", c.Table)
		}
	}
	if _, err := Transfer(t.Context(), configOf(first), configOf(url)); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("copying into what is not empty: %v", err)
	}
	back, err := Transfer(t.Context(), configOf(url), configOf(last))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(there) != fmt.Sprint(back) {
		t.Errorf("there %v, back %v", there, back)
	}
	if a, b := digests(t, first), digests(t, last); a != b {
		t.Errorf("what came back differs:\n%s\n%s", a, b)
	}
}

// digests are those of all tables of an SQLite database.
func digests(t *testing.T, path string) string {
	t.Helper()
	s := openAt(t, path)
	defer s.Close()
	names, err := texts(t.Context(), s.writer, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := s.reader.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var b strings.Builder
	for _, name := range names {
		columns, err := columnsOf(t.Context(), s.reader, name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := relation{name: name, columns: columns}.sum(context.Background(), tx, nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, name, d)
	}
	return b.String()
}

func TestTransferRefusals(t *testing.T) {
	t.Parallel()
	url := testenv.Database(t)
	openAt(t, url) // a server runs on it
	lite := filepath.Join(t.TempDir(), "picloud.db")
	if _, err := Transfer(t.Context(), configOf(lite), configOf(url)); err == nil || !strings.Contains(err.Error(), "servers run") {
		t.Errorf("copying while a server runs: %v", err)
	}
	if _, err := Transfer(t.Context(), configOf(lite), configOf(lite+"2")); err == nil {
		t.Error("copying from SQLite to SQLite went well")
	}
}
