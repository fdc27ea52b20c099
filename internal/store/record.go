package store

import (
	"context"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

// rowOverhead is about what a record or a line takes besides its texts: its
// numbers, ids and entries in the indexes.
const (
	invocationOverhead = 400
	logOverhead        = 150
)

// levels are stored by weight, so that a query can ask for a level and above.
var levels = []picloud.Level{picloud.LevelDebug, picloud.LevelInfo, picloud.LevelWarn, picloud.LevelError}

// weight is the stored form of a level; what is not one counts as info.
func weight(l picloud.Level) int64 {
	for i, known := range levels {
		if l == known {
			return int64(i)
		}
	}
	return 1
}

// AddRecords implements [picloud.Records].
func (s *Store) AddRecords(ctx context.Context, batch []picloud.Record) error {
	if len(batch) == 0 {
		return nil
	}
	err := s.write(ctx, "record invocations", func(tx *tx) error { return addRecords(tx, batch, false) })
	if err == nil {
		s.recorded.wake()
	}
	return err
}

// addRecords enters records in a transaction. fresh says that none of them can
// be there.
func addRecords(tx *tx, batch []picloud.Record, fresh bool) error {
	if len(batch) == 0 {
		return nil
	}
	total := int64(len(batch))
	for _, r := range batch {
		total += int64(len(r.Logs))
	}
	last, err := advance(tx, "records", total)
	if err != nil {
		return err
	}
	if err := enter(tx, batch, last-total, fresh); err != nil {
		return err
	}
	return tx.notify(recordsNotice, "")
}

// enter enters records with the numbers after seq. A record's number is used up
// even if the record was there.
func enter(tx *tx, batch []picloud.Record, seq int64, fresh bool) error {
	w := &recordWriter{tx: tx, entered: tally{}}
	p := packer{tx: tx, rows: w, fresh: fresh, open: map[string]*growing{}}
	for i := range batch {
		r := &batch[i]
		seq++
		if v, ok := pack(r, seq); ok {
			p.add(v)
			continue
		}
		if err := w.add(r, seq); err != nil {
			return err
		}
		seq += int64(len(r.Logs))
	}
	if err := p.flush(); err != nil {
		return err
	}
	return w.entered.write(tx)
}

// Recorded implements [picloud.Records].
func (s *Store) Recorded() <-chan struct{} { return s.recorded.wait() }

const (
	insertInvocation = `INSERT INTO invocations (seq, ` + invocationColumns + `, size)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
		ON CONFLICT (id) DO NOTHING`
	insertLog = `INSERT INTO logs (seq, invocation_seq, app_id, script_id, at, level, line, message)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
)

// recordWriter enters the records of one batch.
type recordWriter struct {
	tx      *tx
	entered tally // what has not been there before
}

// add enters a record with a number, and its lines with those after it, unless
// it is there.
func (w *recordWriter) add(r *picloud.Record, seq int64) error {
	v := &r.Invocation
	var e picloud.InvocationError
	if v.Error != nil {
		e = *v.Error
	}
	n, err := w.tx.execOften(insertInvocation, seq, v.ID, v.AppID, v.App, v.ScriptID, v.Script, v.Version,
		string(v.Trigger), string(v.Status), storable(v.Method), storable(v.Path), v.HTTPStatus, micros(v.StartedAt), int64(v.Duration),
		v.Operations, v.PeakBytes, v.RequestBytes, v.ResponseBytes, v.LogsCut,
		string(e.Code), storable(e.Message), e.Line, e.Column, string(v.Journal), recordSize(r))
	if err != nil || n == 0 {
		return err
	}
	w.entered.add(v)
	if r.Journal != nil {
		if err := addJournal(w.tx, seq, r.Journal); err != nil {
			return err
		}
	}
	for i := range r.Logs {
		l := &r.Logs[i]
		if _, err := w.tx.execOften(insertLog, seq+1+int64(i), seq, v.AppID, v.ScriptID,
			micros(l.At), weight(l.Level), l.Line, storable(l.Message)); err != nil {
			return err
		}
	}
	return nil
}

// storable is a text that both databases keep: PostgreSQL takes no zero byte and
// nothing but UTF-8, and what a script prints must not keep the records of
// others from being entered.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// recordSize is about how many bytes a record takes on disk.
func recordSize(r *picloud.Record) int64 {
	n := invocationOverhead + len(r.Invocation.Path) + len(r.Journal)
	if e := r.Invocation.Error; e != nil {
		n += len(e.Message)
	}
	for i := range r.Logs {
		n += logOverhead + len(r.Logs[i].Message)
	}
	return int64(n)
}

const invocationColumns = `id, app_id, app, script_id, script, version, trigger_kind, status, method, path, http_status,
	started_at, duration_ns, operations, peak_bytes, request_bytes, response_bytes, logs_cut,
	error_code, error_message, error_line, error_column, journal`

func scanInvocation(row scanner) (v picloud.Invocation, err error) {
	var started int64
	var e picloud.InvocationError
	err = row.Scan(&v.Seq, &v.ID, &v.AppID, &v.App, &v.ScriptID, &v.Script, &v.Version, &v.Trigger, &v.Status,
		&v.Method, &v.Path, &v.HTTPStatus, &started, &v.Duration, &v.Operations, &v.PeakBytes, &v.RequestBytes,
		&v.ResponseBytes, &v.LogsCut, &e.Code, &e.Message, &e.Line, &e.Column, &v.Journal)
	v.StartedAt = fromMicros(started)
	if e.Code != "" {
		v.Error = &e
	}
	return v, err
}

func scanLog(row scanner) (l picloud.LogLine, err error) {
	var at, level int64
	err = row.Scan(&l.Seq, &l.InvocationID, &l.Script, &l.Version, &at, &level, &l.Line, &l.Message)
	l.At = fromMicros(at)
	l.Level = levels[max(0, min(int(level), len(levels)-1))]
	return l, err
}
