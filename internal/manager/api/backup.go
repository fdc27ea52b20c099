package api

import "time"

// Backups lists the copies of the database, the newest first.
type Backups struct {
	// Possible is false where the database is backed up with its own tools.
	Possible bool     `json:"possible" doc:"Whether backups can be made here; a PostgreSQL database has pg_dump"`
	Backups  []Backup `json:"backups"`
}

// Backup is a copy of the database.
type Backup struct {
	Name   string    `json:"name"`
	Bytes  int64     `json:"bytes"`
	MadeAt time.Time `json:"made_at"`
}
