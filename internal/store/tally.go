package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// The spans of rows of metrics, in seconds. Every run is counted in three of
// them; days are made of hours that are old.
const (
	spanEver   = 0
	spanMinute = 60
	spanHour   = 3600
	spanDay    = 86400
)

const metricsColumns = "runs, errors, duration_ns, operations, peak_bytes, request_bytes, response_bytes, calls, " +
	"b00, b01, b02, b03, b04, b05, b06, b07, b08, b09, b10, b11, b12, b13, b14, b15, b16, b17, b18, b19"

// countRuns adds sums to those that are kept.
var countRuns = rowsKind{
	head: "INSERT INTO metrics (app_id, script_id, span, at, " + metricsColumns + ") VALUES ", columns: 32,
	tail: " ON CONFLICT (app_id, script_id, span, at) DO UPDATE SET " + addSums,
}

// addSums adds new sums to those of a row.
var addSums = func() string {
	var sets []string
	for c := range strings.SplitSeq(metricsColumns, ", ") {
		if c == "peak_bytes" {
			sets = append(sets, "peak_bytes = CASE WHEN excluded.peak_bytes > metrics.peak_bytes THEN excluded.peak_bytes ELSE metrics.peak_bytes END")
			continue
		}
		sets = append(sets, c+" = metrics."+c+" + excluded."+c)
	}
	return strings.Join(sets, ", ")
}()

// tally sums up the records of one transaction, by script and minute.
type tally map[tallyKey]*picloud.Metrics

type tallyKey struct {
	app, script string
	span, at    int64
}

func (t tally) add(v *picloud.Invocation) {
	t.of(tallyKey{v.AppID, v.ScriptID, spanMinute, startOf(micros(v.StartedAt), spanMinute)}).Add(v)
}

func (t tally) of(k tallyKey) *picloud.Metrics {
	m := t[k]
	if m == nil {
		m = &picloud.Metrics{}
		t[k] = m
	}
	return m
}

// startOf is when the span began that a time is in.
func startOf(us, span int64) int64 { return us - us%(span*1e6) }

// write adds the sums to those that are kept, of the minutes, their hours and for
// ever. All who do so go in one order, and have taken the counter of records
// before.
func (t tally) write(tx *tx) error {
	for k, m := range maps.Clone(t) {
		t.of(tallyKey{k.app, k.script, spanHour, startOf(k.at, spanHour)}).Merge(m)
		t.of(tallyKey{k.app, k.script, spanEver, 0}).Merge(m)
	}
	keys := slices.SortedFunc(maps.Keys(t), func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.app, b.app), cmp.Compare(a.script, b.script), cmp.Compare(a.span, b.span), cmp.Compare(a.at, b.at))
	})
	return tx.execRows(countRuns, nil, len(keys), func(args []any, i int) []any {
		k, m := keys[i], t[keys[i]]
		args = append(args, k.app, k.script, k.span, k.at, m.Runs, m.Errors, int64(m.Duration), m.Operations, m.PeakBytes, m.RequestBytes, m.ResponseBytes, m.Calls)
		for _, n := range m.Durations {
			args = append(args, n)
		}
		return args
	})
}

// gaugeEvery is how often it is written down, while an app commits, what it has
// waiting and keeps.
const gaugeEvery = 5 * time.Second

// gaugeClock remembers when that was last done. The zero value is ready.
type gaugeClock struct {
	mu   sync.Mutex
	last map[string]int64 // by app
}

// maxGaugeApps bounds the clock: when it is full it starts anew.
const maxGaugeApps = 10_000

// due reports whether it is time for an app, and takes it as done if so.
func (c *gaugeClock) due(app string, now int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, known := c.last[app]; known && now-last < gaugeEvery.Microseconds() && now >= last {
		return false
	}
	if c.last == nil || len(c.last) >= maxGaugeApps {
		c.last = map[string]int64{}
	}
	c.last[app] = now
	return true
}

// writeGauge enters what an app has waiting and keeps, for a minute and its hour.
func writeGauge(tx *tx, appID string, now int64, a *appData) error {
	const values = "CAST($4 AS bigint), CAST($4 AS bigint), CAST($5 AS bigint), CAST($6 AS bigint)"
	_, err := tx.exec("INSERT INTO gauges (app_id, span, at, events, most, bytes, files) VALUES ($1, 60, $2, "+values+"), ($1, 3600, $3, "+values+`)
		ON CONFLICT (app_id, span, at) DO UPDATE SET events = excluded.events, bytes = excluded.bytes, files = excluded.files,
			most = CASE WHEN excluded.most > gauges.most THEN excluded.most ELSE gauges.most END`,
		appID, startOf(now, spanMinute), startOf(now, spanHour), a.events, a.bytes, a.fileBytes)
	return err
}
