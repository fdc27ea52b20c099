package store

import (
	"context"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// sumColumns is metricsColumns summed up over a group of rows.
const sumColumns = "CAST(sum(m.runs) AS bigint), CAST(sum(m.errors) AS bigint), CAST(sum(m.duration_ns) AS bigint), CAST(sum(m.operations) AS bigint), " +
	"max(m.peak_bytes), CAST(sum(m.request_bytes) AS bigint), CAST(sum(m.response_bytes) AS bigint), CAST(sum(m.calls) AS bigint), " +
	"CAST(sum(m.b00) AS bigint), CAST(sum(m.b01) AS bigint), CAST(sum(m.b02) AS bigint), CAST(sum(m.b03) AS bigint), CAST(sum(m.b04) AS bigint), " +
	"CAST(sum(m.b05) AS bigint), CAST(sum(m.b06) AS bigint), CAST(sum(m.b07) AS bigint), CAST(sum(m.b08) AS bigint), CAST(sum(m.b09) AS bigint), " +
	"CAST(sum(m.b10) AS bigint), CAST(sum(m.b11) AS bigint), CAST(sum(m.b12) AS bigint), CAST(sum(m.b13) AS bigint), CAST(sum(m.b14) AS bigint), " +
	"CAST(sum(m.b15) AS bigint), CAST(sum(m.b16) AS bigint), CAST(sum(m.b17) AS bigint), CAST(sum(m.b18) AS bigint), CAST(sum(m.b19) AS bigint)"

// into is where a row of sums goes, after what precedes it.
func into(m *picloud.Metrics, before ...any) []any {
	dest := append(before, &m.Runs, &m.Errors, &m.Duration, &m.Operations, &m.PeakBytes, &m.RequestBytes, &m.ResponseBytes, &m.Calls)
	for i := range m.Durations {
		dest = append(dest, &m.Durations[i])
	}
	return dest
}

// inSpan restricts rows with this alias to the time of a query, of the spans
// that its step is made of.
func inSpan(f *filter, alias string, q picloud.MetricsQuery) {
	if q.Step < time.Hour {
		f.want(alias+".span = ", spanMinute)
	} else {
		f.conditions = append(f.conditions, alias+".span IN (3600, 86400)")
	}
	f.want(alias+".at >= ", micros(q.From))
	f.want(alias+".at < ", micros(q.To))
}

// stepOf is when the step of a query began that a row is in.
func stepOf(f *filter, alias string, q picloud.MetricsQuery) string {
	step := f.bind(q.Step.Microseconds())
	return alias + ".at - " + alias + ".at % CAST(" + step + " AS bigint)"
}

// ReadMetrics implements [picloud.MetricsReader].
func (s *Store) ReadMetrics(ctx context.Context, q picloud.MetricsQuery) (list []picloud.MetricsPoint, err error) {
	f := &filter{}
	step := stepOf(f, "m", q)
	inSpan(f, "m", q)
	f.wantText("m.app_id = ", q.AppID)
	f.wantText("m.script_id = ", q.ScriptID)
	err = s.read(ctx, "read metrics", func(tx *tx) error {
		list, err = all(tx, func(row scanner) (p picloud.MetricsPoint, err error) {
			var at int64
			err = row.Scan(into(&p.Metrics, &at)...)
			p.At = fromMicros(at)
			return p, err
		}, "SELECT "+step+" AS step, "+sumColumns+" FROM metrics m WHERE "+f.where()+" GROUP BY step ORDER BY step", f.args...)
		return err
	})
	return list, err
}

// ScriptMetrics implements [picloud.MetricsReader].
func (s *Store) ScriptMetrics(ctx context.Context, q picloud.MetricsQuery) (list []picloud.ScriptPoint, err error) {
	f := &filter{}
	step := stepOf(f, "m", q)
	inSpan(f, "m", q)
	f.want("m.app_id = ", q.AppID)
	err = s.read(ctx, "read metrics of scripts", func(tx *tx) error {
		list, err = all(tx, func(row scanner) (p picloud.ScriptPoint, err error) {
			var at int64
			err = row.Scan(into(&p.Metrics, &p.Script, &at)...)
			p.At = fromMicros(at)
			return p, err
		}, "SELECT s.name, "+step+" AS step, "+sumColumns+" FROM metrics m JOIN scripts s ON s.id = m.script_id WHERE "+f.where()+
			" GROUP BY s.name, step ORDER BY s.name, step", f.args...)
		return err
	})
	return list, err
}

// ReadGauges implements [picloud.MetricsReader].
func (s *Store) ReadGauges(ctx context.Context, q picloud.MetricsQuery) (list []picloud.GaugePoint, err error) {
	err = s.read(ctx, "read what apps kept", func(tx *tx) error {
		if list, err = gaugesBefore(tx, q); err != nil {
			return err
		}
		within, err := gaugesWithin(tx, q)
		list = append(list, within...)
		return err
	})
	return list, err
}

func scanGauge(row scanner) (p picloud.GaugePoint, err error) {
	var at int64
	err = row.Scan(&p.AppID, &at, &p.Events, &p.MostEvents, &p.Bytes, &p.FileBytes)
	p.At = fromMicros(at)
	return p, err
}

const gaugeColumns = "g.app_id, g.at, g.events, g.most, g.bytes, g.files"

// gaugesBefore is how it was when a query's time begins. Hours and days tell it
// as well as minutes, and for longer; the hour that the time begins in is told
// by its minutes.
func gaugesBefore(tx *tx, q picloud.MetricsQuery) ([]picloud.GaugePoint, error) {
	f := &filter{}
	f.want("h.at < ", micros(q.From))
	f.wantText("h.app_id = ", q.AppID)
	hour := f.bind(startOf(micros(q.From), spanHour))
	return all(tx, scanGauge, "SELECT "+gaugeColumns+` FROM gauges g JOIN (
			SELECT h.app_id, max(h.at) AS at FROM gauges h WHERE `+f.where()+" AND (h.span = 60 OR h.at < "+hour+`) GROUP BY h.app_id
		) newest ON newest.app_id = g.app_id AND newest.at = g.at
		WHERE g.span = (SELECT min(i.span) FROM gauges i WHERE i.app_id = g.app_id AND i.at = g.at) ORDER BY g.app_id`, f.args...)
}

func gaugesWithin(tx *tx, q picloud.MetricsQuery) ([]picloud.GaugePoint, error) {
	f := &filter{}
	inSpan(f, "g", q)
	f.wantText("g.app_id = ", q.AppID)
	return all(tx, scanGauge, "SELECT "+gaugeColumns+" FROM gauges g WHERE "+f.where()+" ORDER BY g.at, g.app_id", f.args...)
}

// CurrentGauge implements [picloud.MetricsReader].
func (s *Store) CurrentGauge(ctx context.Context, appID string) (g picloud.Gauge, err error) {
	f := &filter{conditions: []string{"1 = 1"}}
	f.wantText("app_id = ", appID)
	err = s.read(ctx, "read what an app keeps now", func(tx *tx) error {
		return tx.row("SELECT CAST(coalesce(sum(events), 0) AS bigint), CAST(coalesce(sum(bytes), 0) AS bigint), CAST(coalesce(sum(file_bytes), 0) AS bigint) FROM app_data WHERE "+
			f.where(), f.args...).Scan(&g.Events, &g.Bytes, &g.FileBytes)
	})
	return g, err
}

// TotalMetrics implements [picloud.MetricsReader].
func (s *Store) TotalMetrics(ctx context.Context) (list []picloud.AppMetrics, err error) {
	err = s.read(ctx, "sum up metrics", func(tx *tx) error {
		list, err = all(tx, func(row scanner) (a picloud.AppMetrics, err error) {
			err = row.Scan(into(&a.Metrics, &a.App, &a.Events, &a.Bytes, &a.FileBytes)...)
			return a, err
		}, `SELECT a.name, coalesce(max(d.events), 0), coalesce(max(d.bytes), 0), coalesce(max(d.file_bytes), 0), `+sumColumns+`
			FROM metrics m JOIN apps a ON a.id = m.app_id LEFT JOIN app_data d ON d.app_id = a.id
			WHERE m.span = 0 GROUP BY a.name ORDER BY a.name`)
		return err
	})
	return list, err
}
