package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/picloud/picloud/internal/picloud"
)

const versionColumns = "v.script_id, v.number, v.hash, v.settings, v.source_bytes, v.note, v.created_by, v.created_at"

// versionRow is a version as its columns come.
type versionRow struct {
	picloud.Version
	settings string
	created  int64
}

func (r *versionRow) dest() []any {
	return []any{&r.ScriptID, &r.Number, &r.Hash, &r.settings, &r.SourceBytes, &r.Note, &r.CreatedBy, &r.created}
}

func (r *versionRow) decode() (picloud.Version, error) {
	r.CreatedAt = fromMicros(r.created)
	if err := json.Unmarshal([]byte(r.settings), &r.Settings); err != nil {
		return r.Version, fmt.Errorf("settings of version %d of script %s: %w", r.Number, r.ScriptID, err)
	}
	return r.Version, nil
}

func scanVersion(row scanner) (picloud.Version, error) {
	var r versionRow
	if err := row.Scan(r.dest()...); err != nil {
		return picloud.Version{}, err
	}
	return r.decode()
}

const liveQuery = `SELECT s.id, s.app_id, a.name, s.name, s.enabled, s.live_version, s.latest_version, s.created_at, s.updated_at, ` + versionColumns + `
	FROM scripts s JOIN apps a ON a.id = s.app_id JOIN versions v ON v.script_id = s.id AND v.number = s.live_version`

// scanLive reads a row of liveQuery; the routes are read apart.
func scanLive(row scanner) (l picloud.LiveScript, err error) {
	var r versionRow
	var created, updated int64
	sc := &l.Script
	dest := []any{&sc.ID, &sc.AppID, &sc.App, &sc.Name, &sc.Enabled, &sc.LiveVersion, &sc.LatestVersion, &created, &updated}
	if err := row.Scan(append(dest, r.dest()...)...); err != nil {
		return l, err
	}
	sc.CreatedAt, sc.UpdatedAt = fromMicros(created), fromMicros(updated)
	l.Routes = []picloud.Route{}
	l.Version, err = r.decode()
	return l, err
}

// routeRow is a route with the script that it leads to.
type routeRow struct {
	picloud.Route
	scriptID, script string
}

const routeQuery = "SELECT r.method, r.path, r.auth, r.cors, r.webhook, r.async, r.idempotent, r.script_id, s.name FROM routes r JOIN scripts s ON s.id = r.script_id"

// publicAuth is the stored form of [picloud.AuthPublic].
const publicAuth = "public"

func scanRoute(row scanner) (r routeRow, err error) {
	var async int64
	err = row.Scan(&r.Method, &r.Path, &r.Auth, &r.CORS, &r.Webhook, &async, &r.Idempotent, &r.scriptID, &r.script)
	r.Async = async != 0
	if r.Auth == publicAuth {
		r.Auth = picloud.AuthPublic
	}
	return r, err
}

// withRoutes gives each script its routes.
func withRoutes(scripts []picloud.LiveScript, routes []routeRow) {
	byScript := map[string][]picloud.Route{}
	for _, r := range routes {
		byScript[r.scriptID] = append(byScript[r.scriptID], r.Route)
	}
	for i := range scripts {
		if rs := byScript[scripts[i].Script.ID]; rs != nil {
			scripts[i].Routes = rs
		}
	}
}

// liveScript finds a script of an app by names.
func liveScript(tx *tx, app, name string) (picloud.LiveScript, error) {
	l, err := scanLive(tx.row(liveQuery+" WHERE a.name = $1 AND s.name = $2", app, name))
	if errors.Is(err, sql.ErrNoRows) {
		if _, err := appByName(tx, app); err != nil {
			return l, err
		}
		return l, picloud.NotFound("script", name)
	}
	if err != nil {
		return l, err
	}
	routes, err := all(tx, scanRoute, routeQuery+" WHERE r.script_id = $1 ORDER BY r.position", l.Script.ID)
	one := []picloud.LiveScript{l}
	withRoutes(one, routes)
	return one[0], err
}

// ScriptByName implements [picloud.Scripts].
func (s *Store) ScriptByName(ctx context.Context, app, name string) (l picloud.LiveScript, err error) {
	err = s.read(ctx, "read a script", func(tx *tx) (err error) {
		l, err = liveScript(tx, app, name)
		return err
	})
	return l, err
}

// ListScripts implements [picloud.Scripts].
func (s *Store) ListScripts(ctx context.Context, app string) (list []picloud.LiveScript, err error) {
	err = s.read(ctx, "list scripts", func(tx *tx) error {
		a, err := appByName(tx, app)
		if err != nil {
			return err
		}
		if list, err = all(tx, scanLive, liveQuery+" WHERE s.app_id = $1 ORDER BY s.name", a.ID); err != nil {
			return err
		}
		routes, err := all(tx, scanRoute, routeQuery+" WHERE r.app_id = $1 ORDER BY r.script_id, r.position", a.ID)
		withRoutes(list, routes)
		return err
	})
	return list, err
}

// Snapshot implements [picloud.Snapshots].
func (s *Store) Snapshot(ctx context.Context) (*picloud.Snapshot, error) {
	snap := &picloud.Snapshot{}
	err := s.read(ctx, "load the snapshot", func(tx *tx) (err error) {
		if err := tx.row("SELECT value FROM counters WHERE name = 'revision'").Scan(&snap.Revision); err != nil {
			return err
		}
		if snap.Apps, err = listApps(tx); err != nil {
			return err
		}
		if snap.Scripts, err = all(tx, scanLive, liveQuery+" ORDER BY a.name, s.name"); err != nil {
			return err
		}
		routes, err := all(tx, scanRoute, routeQuery+" ORDER BY r.script_id, r.position")
		if err != nil {
			return err
		}
		withRoutes(snap.Scripts, routes)
		if snap.Domains, err = verifiedDomains(tx); err != nil {
			return err
		}
		if snap.Quotas, err = s.allQuotas(tx); err != nil {
			return err
		}
		snap.OutHosts, err = outHosts(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return snap, nil
}

// VersionSource implements [picloud.Snapshots].
func (s *Store) VersionSource(ctx context.Context, hash string) (source string, err error) {
	err = s.read(ctx, "read a source", func(tx *tx) error {
		// Scripts may share a hash; then they share the source.
		err := tx.row("SELECT source FROM versions WHERE hash = $1 LIMIT 1", hash).Scan(&source)
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.NotFound("version", hash)
		}
		return err
	})
	return source, err
}

// ListVersions implements [picloud.Scripts].
func (s *Store) ListVersions(ctx context.Context, app, name string, before, limit int) (list []picloud.Version, err error) {
	err = s.read(ctx, "list versions", func(tx *tx) error {
		l, err := liveScript(tx, app, name)
		if err != nil {
			return err
		}
		if before <= 0 {
			before = l.Script.LatestVersion + 1
		}
		list, err = all(tx, scanVersion, "SELECT "+versionColumns+` FROM versions v
			WHERE v.script_id = $1 AND v.number < $2 ORDER BY v.number DESC LIMIT $3`, l.Script.ID, before, pageSize(limit))
		return err
	})
	return list, err
}

// VersionByNumber implements [picloud.Scripts].
func (s *Store) VersionByNumber(ctx context.Context, app, name string, number int) (v picloud.Version, source string, err error) {
	err = s.read(ctx, "read a version", func(tx *tx) error {
		l, err := liveScript(tx, app, name)
		if err != nil {
			return err
		}
		if number == 0 {
			number = l.Script.LiveVersion
		}
		var r versionRow
		err = tx.row("SELECT "+versionColumns+", v.source FROM versions v WHERE v.script_id = $1 AND v.number = $2",
			l.Script.ID, number).Scan(append(r.dest(), &source)...)
		if errors.Is(err, sql.ErrNoRows) {
			return noVersion(name, number)
		}
		if err != nil {
			return err
		}
		v, err = r.decode()
		return err
	})
	return v, source, err
}

func noVersion(script string, number int) error {
	return picloud.Errorf(picloud.CodeNotFound, "script %q has no version %d", script, number)
}

// Rollback implements [picloud.Scripts].
func (s *Store) Rollback(ctx context.Context, app, name string, number int) (picloud.LiveScript, error) {
	return s.changeScript(ctx, "roll back", app, name, func(tx *tx, sc picloud.Script) error {
		target, err := rollbackTarget(tx, sc, number)
		if err != nil {
			return err
		}
		_, err = tx.exec("UPDATE scripts SET live_version = $1, updated_at = $2 WHERE id = $3", target, micros(s.now()), sc.ID)
		return err
	})
}

// rollbackTarget is the number of the version that is to be live.
func rollbackTarget(tx *tx, sc picloud.Script, number int) (int, error) {
	var target sql.NullInt64
	if number != 0 {
		err := tx.row("SELECT max(number) FROM versions WHERE script_id = $1 AND number = $2", sc.ID, number).Scan(&target)
		if err == nil && !target.Valid {
			err = noVersion(sc.Name, number)
		}
		return int(target.Int64), err
	}
	err := tx.row("SELECT max(number) FROM versions WHERE script_id = $1 AND number < $2", sc.ID, sc.LiveVersion).Scan(&target)
	if err == nil && !target.Valid {
		err = picloud.Errorf(picloud.CodeConflict, "script %q has no version older than the live one, %d", sc.Name, sc.LiveVersion)
	}
	return int(target.Int64), err
}

// SetEnabled implements [picloud.Scripts].
func (s *Store) SetEnabled(ctx context.Context, app, name string, enabled bool) (picloud.LiveScript, error) {
	return s.changeScript(ctx, "switch a script", app, name, func(tx *tx, sc picloud.Script) error {
		_, err := tx.exec("UPDATE scripts SET enabled = $1, updated_at = $2 WHERE id = $3", enabled, micros(s.now()), sc.ID)
		return err
	})
}

// changeScript changes one script and reads it back.
func (s *Store) changeScript(ctx context.Context, what, app, name string, f func(*tx, picloud.Script) error) (after picloud.LiveScript, err error) {
	err = s.change(ctx, what, func(tx *tx) error {
		before, err := liveScript(tx, app, name)
		if err != nil {
			return err
		}
		if err := f(tx, before.Script); err != nil {
			return err
		}
		if after, err = liveScript(tx, app, name); err != nil {
			return err
		}
		return s.reconcile(tx, after)
	})
	return after, err
}

// DeleteScript implements [picloud.Scripts].
func (s *Store) DeleteScript(ctx context.Context, app, name string) error {
	return s.change(ctx, "delete a script", func(tx *tx) error {
		l, err := liveScript(tx, app, name)
		if err != nil {
			return err
		}
		// The app's row before the script's: that is the order in which commits lock.
		if _, err := lockApp(tx, l.Script.AppID); err != nil {
			return err
		}
		if _, err = tx.exec("DELETE FROM scripts WHERE id = $1", l.Script.ID); err != nil { // versions, routes and events go with it
			return err
		}
		return recountEvents(tx, l.Script.AppID)
	})
}

// pageSize is the number of rows that a page asked for with limit has.
func pageSize(limit int) int {
	if limit <= 0 {
		return picloud.DefaultPage
	}
	return min(limit, picloud.MaxPage)
}
