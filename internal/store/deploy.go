package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/picloud/picloud/internal/picloud"
)

// Deploy implements [picloud.Scripts]. It is one transaction: versions are
// made, pointers moved and routes replaced for all of the scripts, or for none.
func (s *Store) Deploy(ctx context.Context, d picloud.Deployment) ([]picloud.Deployed, error) {
	if err := distinctNames(d.Scripts); err != nil {
		return nil, err
	}
	var done []picloud.Deployed
	err := s.change(ctx, "deploy", func(tx *tx) error {
		app, err := appByName(tx, d.App)
		if err != nil {
			return err
		}
		dep := deployment{tx: tx, store: s, app: app, by: d.By, now: micros(s.now())}
		if done, err = dep.run(d.Scripts); err != nil {
			return err
		}
		if d.DryRun {
			return errRollback
		}
		return nil
	})
	if err != nil && !errors.Is(err, errRollback) {
		return nil, err
	}
	return done, nil
}

func distinctNames(scripts []picloud.ScriptDeploy) error {
	seen := map[string]bool{}
	for _, sd := range scripts {
		if seen[sd.Name] {
			return picloud.Invalid("name", "the script %q is there twice", sd.Name)
		}
		seen[sd.Name] = true
	}
	return nil
}

// deployment is a Deploy on its way.
type deployment struct {
	tx    *tx
	store *Store
	app   picloud.App
	by    string
	now   int64
}

func (d *deployment) run(scripts []picloud.ScriptDeploy) ([]picloud.Deployed, error) {
	done := make([]picloud.Deployed, len(scripts))
	want := make([][]picloud.Route, len(scripts)) // nil where they stay
	for i, sd := range scripts {
		var err error
		if done[i], err = d.putVersion(sd); err != nil {
			return nil, err
		}
		want[i] = sd.Routes
		if want[i] == nil && done[i].Created {
			want[i] = []picloud.Route{picloud.DefaultRoute(sd.Name)}
		}
		done[i].RoutesChanged = want[i] != nil && !sameRoutes(want[i], done[i].Routes)
	}
	if err := d.replaceRoutes(done, want); err != nil {
		return nil, err
	}
	for i, sd := range scripts {
		live, err := liveScript(d.tx, d.app.Name, sd.Name)
		if err == nil {
			err = d.store.reconcile(d.tx, live)
		}
		if err != nil {
			return nil, err
		}
		done[i].LiveScript = live
	}
	return done, nil
}

// sameRoutes reports whether two lists without repetitions hold the same
// routes in any order.
func sameRoutes(a, b []picloud.Route) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(r picloud.Route) bool { return !slices.Contains(b, r) })
}

// putVersion makes sure of the script and the version, and points the one at
// the other. The routes in the answer are those from before.
func (d *deployment) putVersion(sd picloud.ScriptDeploy) (picloud.Deployed, error) {
	var done picloud.Deployed
	before, err := liveScript(d.tx, d.app.Name, sd.Name)
	switch {
	case picloud.IsCode(err, picloud.CodeNotFound):
		done.Created = true
		before.Script.ID, before.Script.Name = d.store.ids.New(), sd.Name
		err = d.insertScript(before.Script.ID, sd.Name)
	case err == nil:
		done.Previous = before.Script.LiveVersion
	}
	if err != nil {
		return done, err
	}
	if sd.IfVersion != 0 && sd.IfVersion != done.Previous {
		return done, picloud.Errorf(picloud.CodeConflict, "the live version of script %q is %d, not %d", sd.Name, done.Previous, sd.IfVersion)
	}
	settings := before.Version.Settings
	if sd.Settings != nil {
		settings = *sd.Settings
	}
	number, isNew, err := d.ensureVersion(before.Script, sd, settings)
	if err != nil {
		return done, err
	}
	done.LiveScript, done.NewVersion = before, isNew
	_, err = d.tx.exec(`UPDATE scripts SET live_version = $1,
			latest_version = CASE WHEN latest_version < $1 THEN $1 ELSE latest_version END, updated_at = $2 WHERE id = $3`,
		number, d.now, before.Script.ID)
	return done, err
}

func (d *deployment) insertScript(id, name string) error {
	_, err := d.tx.exec(`INSERT INTO scripts (id, app_id, name, enabled, live_version, latest_version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, 0, 0, $5, $5)`, id, d.app.ID, name, true, d.now)
	return err
}

// ensureVersion finds the script's version with this content or makes it.
func (d *deployment) ensureVersion(sc picloud.Script, sd picloud.ScriptDeploy, settings picloud.Settings) (number int, isNew bool, err error) {
	hash := picloud.HashVersion(sd.Source, settings)
	err = d.tx.row("SELECT number FROM versions WHERE script_id = $1 AND hash = $2", sc.ID, hash).Scan(&number)
	if !errors.Is(err, sql.ErrNoRows) {
		return number, false, err
	}
	encoded, err := json.Marshal(settings)
	if err != nil {
		return 0, false, fmt.Errorf("encode settings: %w", err)
	}
	number = sc.LatestVersion + 1
	_, err = d.tx.exec(`INSERT INTO versions (script_id, number, hash, settings, source_bytes, note, created_by, created_at, source)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		sc.ID, number, hash, string(encoded), len(sd.Source), sd.Note, d.by, d.now, sd.Source)
	return number, true, err
}

// replaceRoutes gives the scripts the routes that they want. All of the old
// ones go first, so that a route may move from one script to another; then the
// new ones are checked against those of the rest of the app and each other.
func (d *deployment) replaceRoutes(done []picloud.Deployed, want [][]picloud.Route) error {
	for i := range done {
		if want[i] == nil {
			continue
		}
		if _, err := d.tx.exec("DELETE FROM routes WHERE script_id = $1", done[i].Script.ID); err != nil {
			return err
		}
	}
	table, err := d.routeTable()
	if err != nil {
		return err
	}
	for i, routes := range want {
		if err := d.addRoutes(table, done[i].Script, fmt.Sprintf("scripts[%d].", i), routes); err != nil {
			return err
		}
	}
	return nil
}

// routeTable holds the routes that the app has.
func (d *deployment) routeTable() (*picloud.RouteTable, error) {
	rest, err := all(d.tx, scanRoute, routeQuery+" WHERE r.app_id = $1", d.app.ID)
	if err != nil {
		return nil, err
	}
	table := &picloud.RouteTable{}
	for _, r := range rest {
		if err := table.Add(r.Route, r.script); err != nil {
			return nil, fmt.Errorf("stored routes: %v", err) // not the deployer's fault: no user error
		}
	}
	return table, nil
}

// addRoutes enters the routes of one script; at is where it is in the deployment.
func (d *deployment) addRoutes(table *picloud.RouteTable, sc picloud.Script, at string, routes []picloud.Route) error {
	for i, r := range routes {
		if err := table.Add(r, sc.Name); err != nil {
			var e *picloud.Error
			if errors.As(err, &e) {
				e.Field = fmt.Sprintf("%sroutes[%d]", at, i)
			}
			return err
		}
		if _, err := d.tx.exec("INSERT INTO routes (app_id, method, path, auth, cors, webhook, async, idempotent, script_id, position) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
			d.app.ID, r.Method, r.Path, r.Auth.String(), r.CORS, r.Webhook, asNumber(r.Async), string(r.Idempotent), sc.ID, i); err != nil {
			return err
		}
	}
	return nil
}

// asNumber is a flag as a column of numbers has it.
func asNumber(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
