package manager

import (
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/backup"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// backupTimeout bounds the making of a backup, and its sending.
const backupTimeout = 15 * time.Minute

func (m *Manager) registerBackups() {
	register(m, operation{
		id: "list-backups", method: http.MethodGet, path: "/backups", tag: "instance", capability: access.ManageBackups,
		summary: "List the backups of the database",
	}, m.listBackups)
	register(m, operation{
		id: "create-backup", method: http.MethodPost, path: "/backups", tag: "instance", capability: access.ManageBackups,
		summary: "Copy the database as it is now, while it is used", timeout: backupTimeout,
	}, m.createBackup)
	register(m, operation{
		id: "download-backup", method: http.MethodGet, path: "/backups/{backup}", tag: "instance", capability: access.ManageBackups,
		summary: "Download a backup: an SQLite database with everything but the master key", timeout: backupTimeout,
	}, m.downloadBackup)
	register(m, operation{
		id: "delete-backup", method: http.MethodDelete, path: "/backups/{backup}", tag: "instance", capability: access.ManageBackups,
		summary: "Delete a backup",
	}, m.deleteBackup)
}

// BackupPath is the part of a path that names a backup.
type BackupPath struct {
	Backup string `path:"backup" maxLength:"100" doc:"A backup's name"`
}

type backupsOutput struct{ Body api.Backups }

type backupOutput struct{ Body api.Backup }

func (m *Manager) listBackups(context.Context, picloud.Principal, *nothing) (*backupsOutput, error) {
	out := &backupsOutput{Body: api.Backups{Possible: m.backups != nil, Backups: []api.Backup{}}}
	if m.backups == nil {
		return out, nil
	}
	list, err := m.backups.List()
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		out.Body.Backups = append(out.Body.Backups, backupOf(c))
	}
	return out, nil
}

func backupOf(c backup.Copy) api.Backup {
	return api.Backup{Name: c.Name, Bytes: c.Bytes, MadeAt: c.MadeAt}
}

// shelf is where backups are, if there can be any.
func (m *Manager) shelf() (*backup.Shelf, error) {
	if m.backups == nil {
		return nil, picloud.Errorf(picloud.CodeConflict, "this instance keeps its data in PostgreSQL: back it up with pg_dump")
	}
	return m.backups, nil
}

func (m *Manager) createBackup(ctx context.Context, _ picloud.Principal, _ *nothing) (*backupOutput, error) {
	shelf, err := m.shelf()
	if err != nil {
		return nil, err
	}
	c, err := shelf.Make(ctx)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(c.Name)
	return &backupOutput{Body: backupOf(c)}, nil
}

func (m *Manager) downloadBackup(ctx context.Context, _ picloud.Principal, in *BackupPath) (*huma.StreamResponse, error) {
	shelf, err := m.shelf()
	if err != nil {
		return nil, err
	}
	f, err := shelf.Open(in.Backup)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	auditing(ctx).target(in.Backup)
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer f.Close()
		_, w := humago.Unwrap(hc)
		m.sendBackup(ctx, w, f, info)
	}}, nil
}

func (m *Manager) sendBackup(ctx context.Context, w http.ResponseWriter, f *os.File, info os.FileInfo) {
	h := w.Header()
	h.Set("Content-Type", "application/vnd.sqlite3")
	h.Set("Content-Disposition", `attachment; filename="`+info.Name()+`"`)
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	if _, err := io.Copy(w, f); err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "a backup was not sent to its end", "backup", info.Name(), "err", err, "request_id", requestID(ctx))
	}
}

func (m *Manager) deleteBackup(ctx context.Context, _ picloud.Principal, in *BackupPath) (*struct{}, error) {
	shelf, err := m.shelf()
	if err != nil {
		return nil, err
	}
	if err := shelf.Delete(in.Backup); err != nil {
		return nil, err
	}
	auditing(ctx).target(in.Backup)
	return nil, nil
}
