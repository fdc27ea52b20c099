package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

const fileColumns = "name, version, blob, size, hash, kind, public, written_at"

func scanFile(row scanner) (f picloud.File, err error) {
	var name []byte
	var written int64
	err = row.Scan(&name, &f.Version, &f.Blob, &f.Size, &f.Hash, &f.Type, &f.Public, &written)
	f.Name, f.WrittenAt = string(name), fromMicros(written)
	return f, err
}

// fileRange restricts files to a range of an app's names.
func fileRange(appID, from, to string) *filter {
	f := &filter{}
	f.want("app_id = ", appID)
	f.want("name >= ", []byte(from))
	if to != "" {
		f.want("name < ", []byte(to))
	}
	return f
}

// ListFiles implements [picloud.Files].
func (s *Store) ListFiles(ctx context.Context, appID string, q picloud.FileQuery) (page picloud.FilePage, err error) {
	if q.Limit <= 0 || q.Limit > picloud.MaxFilePage {
		q.Limit = picloud.MaxFilePage
	}
	f := fileRange(appID, q.From, q.To)
	limit := f.bind(q.Limit + 1)
	err = s.read(ctx, "list files", func(tx *tx) error {
		page.Files, err = all(tx, scanFile, "SELECT "+fileColumns+" FROM files WHERE "+f.where()+" ORDER BY name LIMIT "+limit, f.args...)
		return err
	})
	if page.More = len(page.Files) > q.Limit; page.More {
		page.Files = page.Files[:q.Limit]
	}
	return page, err
}

// KnownBlobs implements [picloud.Files].
func (s *Store) KnownBlobs(ctx context.Context, ids []string) (known []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	f := &filter{}
	marks := make([]string, len(ids))
	for i, id := range ids {
		marks[i] = f.bind(id)
	}
	err = s.read(ctx, "look for contents", func(tx *tx) error {
		known, err = all(tx, func(row scanner) (id string, err error) { return id, row.Scan(&id) },
			"SELECT blob FROM files WHERE blob IN ("+strings.Join(marks, ", ")+")", f.args...)
		return err
	})
	return known, err
}

// OnDropped implements [picloud.Files].
func (s *Store) OnDropped(f func(ids []string)) (cancel func()) {
	return s.dropped.add(func(_ context.Context, ids []string) { f(ids) })
}

// unchangedFiles fails with ErrStale unless ranges of names are as they were
// seen.
func unchangedFiles(tx *tx, appID string, ranges []picloud.RangeRead) error {
	for _, r := range ranges {
		f := fileRange(appID, r.From, r.To)
		var count, newest int64
		err := tx.row("SELECT CAST(count(*) AS bigint), CAST(coalesce(max(version), 0) AS bigint) FROM files WHERE "+f.where(), f.args...).Scan(&count, &newest)
		if err != nil {
			return err
		}
		if count != int64(r.Count) || newest != r.Newest {
			return picloud.ErrStale
		}
	}
	return nil
}

// heldFile is a file as a commit finds it.
type heldFile struct {
	there bool
	size  int64
	blob  string
}

// lookFiles finds the files that a commit writes, and counts what it leaves.
func (g *groupWriter) lookFiles(c *picloud.Commit, after *appData) ([]heldFile, error) {
	found := make([]heldFile, len(c.Effects.FileWrites))
	for i := range c.Effects.FileWrites {
		w, h := &c.Effects.FileWrites[i], &found[i]
		err := g.tx.row("SELECT size, blob FROM files WHERE app_id = $1 AND name = $2", c.AppID, []byte(w.Name)).Scan(&h.size, &h.blob)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		if h.there = err == nil; h.there {
			after.files--
			after.fileBytes -= h.size
		}
		if w.Delete {
			continue
		}
		after.files++
		after.fileBytes += w.Size
		var taken int64
		err = g.tx.row("SELECT CAST(count(*) AS bigint) FROM files WHERE blob = $1 AND NOT (app_id = $2 AND name = $3)", w.Blob, c.AppID, []byte(w.Name)).Scan(&taken)
		if err != nil {
			return nil, err
		}
		if taken > 0 { // each file has a content of its own, which goes with it
			return nil, picloud.Errorf(picloud.CodeInvalid, "the content belongs to another file")
		}
	}
	return found, nil
}

// writeFiles does to files what a commit wants.
func (g *groupWriter) writeFiles(c *picloud.Commit, found []heldFile, version int64) (err error) {
	for i := range c.Effects.FileWrites {
		w, old := &c.Effects.FileWrites[i], found[i]
		if w.Delete {
			_, err = g.tx.exec("DELETE FROM files WHERE app_id = $1 AND name = $2", c.AppID, []byte(w.Name))
		} else {
			_, err = g.tx.exec("INSERT INTO files (app_id, "+fileColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
				ON CONFLICT (app_id, name) DO UPDATE SET version = excluded.version, blob = excluded.blob, size = excluded.size, hash = excluded.hash,
					kind = excluded.kind, public = excluded.public, written_at = excluded.written_at`,
				c.AppID, []byte(w.Name), version, w.Blob, w.Size, w.Hash, w.Type, w.Public, g.now)
		}
		if err != nil {
			return err
		}
		if old.there && (w.Delete || old.blob != w.Blob) {
			g.dropped = append(g.dropped, old.blob)
		}
	}
	return nil
}
