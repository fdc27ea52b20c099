package store

import (
	"context"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// SweepMetrics implements [picloud.MetricsReader].
func (s *Store) SweepMetrics(ctx context.Context, now time.Time) (gone int64, err error) {
	minutes, hours := micros(now.Add(-picloud.MinuteMetrics)), startOf(micros(now.Add(-picloud.HourMetrics)), spanDay)
	err = s.write(ctx, "sweep metrics", func(tx *tx) error {
		gone = 0
		// Those who count take this counter first too: nobody is in another's way.
		if _, err := advance(tx, "records", 0); err != nil {
			return err
		}
		if _, err := tx.exec(foldMetrics, hours); err != nil {
			return err
		}
		if _, err := tx.exec(foldGauges, hours); err != nil {
			return err
		}
		for _, table := range []string{"metrics", "gauges"} {
			n, err := tx.exec("DELETE FROM "+table+" WHERE (span = 60 AND at < $1) OR (span = 3600 AND at < $2) OR (span = 86400 AND at < $3)",
				minutes, hours, micros(now.Add(-picloud.DayMetrics)))
			if err != nil {
				return err
			}
			gone += n
		}
		n, err := tx.exec("DELETE FROM metrics WHERE span = 0 AND app_id NOT IN (SELECT id FROM apps)")
		gone += n
		return err
	})
	if err != nil {
		return gone, err
	}
	return gone, s.recountAll(ctx)
}

// foldMetrics makes days of the hours before $1.
var foldMetrics = func() string {
	var sums []string
	for c := range strings.SplitSeq(metricsColumns, ", ") {
		if c == "peak_bytes" {
			sums = append(sums, "max("+c+")")
			continue
		}
		sums = append(sums, "CAST(sum("+c+") AS bigint)")
	}
	return "INSERT INTO metrics (app_id, script_id, span, at, " + metricsColumns + ") SELECT app_id, script_id, 86400, at - at % 86400000000, " +
		strings.Join(sums, ", ") + " FROM metrics WHERE span = 3600 AND at < $1 GROUP BY app_id, script_id, at - at % 86400000000 " +
		"ON CONFLICT (app_id, script_id, span, at) DO UPDATE SET " + addSums
}()

// foldGauges does the same with what apps kept: of a day, the last.
const foldGauges = `INSERT INTO gauges (app_id, span, at, events, most, bytes, files)
	SELECT g.app_id, 86400, d.day, g.events, d.most, g.bytes, g.files FROM gauges g JOIN (
		SELECT app_id, at - at % 86400000000 AS day, max(at) AS last, max(most) AS most FROM gauges WHERE span = 3600 AND at < $1 GROUP BY app_id, at - at % 86400000000
	) d ON d.app_id = g.app_id AND d.last = g.at WHERE g.span = 3600
	ON CONFLICT (app_id, span, at) DO UPDATE SET events = excluded.events, most = excluded.most, bytes = excluded.bytes, files = excluded.files`

// recountAll counts the events of every app anew: a node of a release that did
// not keep the number may have been at work.
func (s *Store) recountAll(ctx context.Context) error {
	apps, err := s.ListApps(ctx)
	if err != nil {
		return err
	}
	for _, a := range apps {
		if err := s.write(ctx, "count events anew", func(tx *tx) error { return recountEvents(tx, a.ID) }); err != nil {
			return err
		}
	}
	return nil
}
