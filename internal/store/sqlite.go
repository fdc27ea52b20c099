package store

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // the "sqlite" driver, in pure Go
)

// The pragmas of every connection. FULL is what makes an acknowledged commit
// survive a power cut: NORMAL syncs the log only at checkpoints.
var (
	commonPragmas = []string{"busy_timeout(5000)", "foreign_keys(1)", "synchronous(FULL)", "temp_store(MEMORY)"}
	writerPragmas = []string{
		"journal_mode(WAL)",
		"journal_size_limit(67108864)", // a burst must not leave a huge log file behind for good
		// A checkpoint writes every page once that was changed since the last
		// one, and syncs twice: four times as rare as by default, 16 MiB apart.
		"wal_autocheckpoint(4000)",
		"cache_size(-16384)", // KiB, when they are needed: what is counted over and over stays in memory
	}
	readerPragmas = []string{"query_only(1)"}
)

// openSQLite opens the writing connection and the reading pool on a file.
func openSQLite(path string) (writer, reader *sql.DB, err error) {
	if err := createPrivate(path); err != nil {
		return nil, nil, err
	}
	// Immediate transactions take the write lock at their start; a deferred
	// one that turns from reading to writing could fail half way.
	writer, err = sql.Open("sqlite", dsn(path, "immediate", writerPragmas))
	if err != nil {
		return nil, nil, err
	}
	writer.SetMaxOpenConns(1)
	// The writer goes first: it makes the file a write-ahead-log one.
	if err := writer.Ping(); err != nil {
		writer.Close()
		return nil, nil, err
	}
	reader, err = sql.Open("sqlite", dsn(path, "deferred", readerPragmas))
	if err != nil {
		writer.Close()
		return nil, nil, err
	}
	readers := max(4, runtime.NumCPU())
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return writer, reader, nil
}

// createPrivate makes the file for its owner only: it holds password hashes
// and other people's source. SQLite gives its side files the same mode.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// dsn is a SQLite URI. The path is escaped, so that it may hold '?' and '%'.
func dsn(path, txlock string, pragmas []string) string {
	q := url.Values{"_txlock": {txlock}}
	for _, list := range [][]string{commonPragmas, pragmas} {
		for _, p := range list {
			q.Add("_pragma", p)
		}
	}
	return fmt.Sprintf("file:%s?%s", (&url.URL{Path: path}).EscapedPath(), q.Encode())
}
