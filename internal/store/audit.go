package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// maxAuditFields is how many bytes what was before or after may take.
const maxAuditFields = 16 << 10

// auditTrim is after how many entries the log is cut to what it keeps at most.
const auditTrim = 1000

const auditColumns = `seq, at, actor, user_id, username, key_id, key_name, address, action, outcome, app, target, old_fields, new_fields, request_id`

// AddAudit implements [picloud.Audits].
func (s *Store) AddAudit(ctx context.Context, e picloud.AuditEntry) error {
	e = e.Clip()
	before, err := auditFields(e.Before)
	if err != nil {
		return err
	}
	after, err := auditFields(e.After)
	if err != nil {
		return err
	}
	if e.At.IsZero() {
		e.At = s.now()
	}
	return s.write(ctx, "write to the audit log", func(tx *tx) error {
		seq, err := advance(tx, "audit", 1)
		if err != nil {
			return err
		}
		_, err = tx.exec(`INSERT INTO audit_log (`+auditColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			seq, micros(e.At), string(e.Actor), e.UserID, e.Username, e.KeyID, e.KeyName, e.Address, e.Action, e.Outcome,
			e.App, e.Target, before, after, e.RequestID)
		if err == nil && seq%auditTrim == 0 {
			_, err = tx.exec("DELETE FROM audit_log WHERE seq <= $1", seq-picloud.MaxAuditEntries)
		}
		return err
	})
}

// auditFields is the stored form of fields; what is too large is left out, and
// said to be.
func auditFields(fields map[string]any) (string, error) {
	if len(fields) == 0 {
		return "", nil
	}
	encoded, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("encode for the audit log: %w", err)
	}
	if len(encoded) > maxAuditFields {
		return fmt.Sprintf(`{"left_out_bytes":%d}`, len(encoded)), nil
	}
	return string(encoded), nil
}

func scanAudit(row scanner) (e picloud.AuditEntry, err error) {
	var at int64
	var before, after string
	if err := row.Scan(&e.Seq, &at, &e.Actor, &e.UserID, &e.Username, &e.KeyID, &e.KeyName, &e.Address, &e.Action, &e.Outcome,
		&e.App, &e.Target, &before, &after, &e.RequestID); err != nil {
		return e, err
	}
	e.At = fromMicros(at)
	if e.Before, err = readAuditFields(before); err == nil {
		e.After, err = readAuditFields(after)
	}
	return e, err
}

func readAuditFields(text string) (fields map[string]any, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("read fields of the audit log: %w", err)
	}
	return fields, nil
}

// ListAudit implements [picloud.Audits].
func (s *Store) ListAudit(ctx context.Context, q picloud.AuditQuery) (list []picloud.AuditEntry, err error) {
	f := &filter{}
	f.wantText("username = ", q.Username)
	f.wantText("action = ", q.Action)
	f.wantText("app = ", q.App)
	f.wantText("target = ", q.Target)
	if q.Failed {
		f.want("outcome <> ", picloud.OutcomeOK)
	}
	if !q.Since.IsZero() {
		f.want("at >= ", micros(q.Since))
	}
	if !q.Until.IsZero() {
		f.want("at < ", micros(q.Until))
	}
	if q.Before > 0 {
		f.want("seq < ", q.Before)
	}
	where := ""
	if len(f.conditions) > 0 {
		where = " WHERE " + strings.Join(f.conditions, " AND ")
	}
	query := "SELECT " + auditColumns + " FROM audit_log" + where + " ORDER BY seq DESC LIMIT " + f.bind(pageSize(q.Limit))
	err = s.read(ctx, "list the audit log", func(tx *tx) (err error) {
		list, err = all(tx, scanAudit, query, f.args...)
		return err
	})
	return list, err
}

// PruneAudit implements [picloud.Audits].
func (s *Store) PruneAudit(ctx context.Context, before time.Time) (n int64, err error) {
	err = s.write(ctx, "prune the audit log", func(tx *tx) (err error) {
		n, err = tx.exec("DELETE FROM audit_log WHERE at < $1", micros(before))
		return err
	})
	return n, err
}
