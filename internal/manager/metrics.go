package manager

import (
	"context"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerMetrics() {
	register(m, operation{
		id: "get-metrics", method: http.MethodGet, path: "/metrics", tag: "metrics", capability: access.ReadMetrics,
		summary: "Tell what ran on the instance, as a series",
	}, m.instanceMetrics)
	register(m, operation{
		id: "get-app-metrics", method: http.MethodGet, path: "/apps/{app}/metrics", tag: "metrics", capability: access.ReadRecords,
		summary: "Tell what ran in an app, or of one script, as a series",
	}, m.appMetrics)
	register(m, operation{
		id: "get-sparklines", method: http.MethodGet, path: "/apps/{app}/sparklines", tag: "metrics", capability: access.ReadRecords,
		summary: "Tell what all scripts of an app did in the last 24 hours, by the hour",
	}, m.sparklines)
}

// SeriesQuery is the time of a series.
type SeriesQuery struct {
	From time.Time `query:"from" doc:"RFC 3339; an hour before to when absent"`
	To   time.Time `query:"to" doc:"RFC 3339; now when absent"`
	Step int64     `query:"step" minimum:"0" doc:"Seconds between points, a multiple of 60; chosen to fit when absent"`
}

func (in SeriesQuery) query(now time.Time) (picloud.MetricsQuery, error) {
	q := picloud.MetricsQuery{From: in.From, To: in.To, Step: time.Duration(min(in.Step, int64(picloud.DayMetrics/time.Second))) * time.Second}
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-time.Hour)
	}
	return q.Aligned(now)
}

type metricsOutput struct{ Body api.Metrics }

func (m *Manager) instanceMetrics(ctx context.Context, _ picloud.Principal, in *struct{ SeriesQuery }) (*metricsOutput, error) {
	q, err := in.query(m.now())
	if err != nil {
		return nil, err
	}
	return m.series(ctx, q)
}

type appMetricsInput struct {
	AppPath
	Script string `query:"script" doc:"Only of this script"`
	SeriesQuery
}

func (m *Manager) appMetrics(ctx context.Context, _ picloud.Principal, in *appMetricsInput) (*metricsOutput, error) {
	q, err := in.query(m.now())
	if err != nil {
		return nil, err
	}
	q.AppID = accessOf(ctx).App.ID
	if in.Script != "" {
		sc, err := m.store.ScriptByName(ctx, in.App, in.Script)
		if err != nil {
			return nil, err
		}
		q.ScriptID = sc.Script.ID
	}
	return m.series(ctx, q)
}

// series answers an aligned query.
func (m *Manager) series(ctx context.Context, q picloud.MetricsQuery) (*metricsOutput, error) {
	m.flush(ctx)
	list, err := m.store.ReadMetrics(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &metricsOutput{Body: api.Metrics{From: q.From, To: q.To, StepSeconds: int64(q.Step / time.Second), Points: make([]api.MetricsPoint, q.Points())}}
	for i := range out.Body.Points {
		out.Body.Points[i].At = q.From.Add(time.Duration(i) * q.Step)
	}
	var total picloud.Metrics
	for i := range list {
		total.Merge(&list[i].Metrics)
		out.Body.Points[list[i].At.Sub(q.From)/q.Step].MetricsSum = metricsSum(&list[i].Metrics)
	}
	out.Body.Total = metricsSum(&total)
	if q.ScriptID == "" {
		err = m.addGauges(ctx, q, &out.Body)
	}
	return out, err
}

func metricsSum(s *picloud.Metrics) api.MetricsSum {
	sum := api.MetricsSum{
		Runs: s.Runs, Errors: s.Errors, Operations: s.Operations, PeakBytes: s.PeakBytes, RequestBytes: s.RequestBytes,
		ResponseBytes: s.ResponseBytes, Calls: s.Calls, P50MS: milliseconds(s.Durations.Quantile(0.5)), P99MS: milliseconds(s.Durations.Quantile(0.99)),
	}
	if s.Runs > 0 {
		sum.MeanMS = milliseconds(s.Duration / time.Duration(s.Runs))
	}
	return sum
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// addGauges tells what waited and was kept at the end of each step, which is as
// it was the last time that it was written down.
func (m *Manager) addGauges(ctx context.Context, q picloud.MetricsQuery, out *api.Metrics) error {
	now, err := m.store.CurrentGauge(ctx, q.AppID)
	if err != nil {
		return err
	}
	out.Now = &api.Gauge{Events: now.Events, DataBytes: now.Bytes, FileBytes: now.FileBytes}
	points, err := m.store.ReadGauges(ctx, q)
	if err != nil {
		return err
	}
	apps := map[string]picloud.GaugePoint{} // how it is by now, in each
	for i := range out.Points {
		for end := out.Points[i].At.Add(q.Step); len(points) > 0 && points[0].At.Before(end); points = points[1:] {
			p := points[0]
			if p.At.Before(out.Points[i].At) {
				p.MostEvents = p.Events // that was before
			} else if old := apps[p.AppID]; !old.At.Before(out.Points[i].At) {
				p.MostEvents = max(p.MostEvents, old.MostEvents)
			}
			apps[p.AppID] = p
		}
		if !out.Points[i].At.After(m.now()) {
			out.Points[i].Gauge = gaugeAt(apps, out.Points[i].At)
		}
	}
	return nil
}

// gaugeAt adds up what the apps have in a step that began then; nil while
// nothing is known of any.
func gaugeAt(apps map[string]picloud.GaugePoint, began time.Time) *api.Gauge {
	if len(apps) == 0 {
		return nil
	}
	g := &api.Gauge{}
	for _, p := range apps {
		g.DataBytes += p.Bytes
		g.FileBytes += p.FileBytes
		if p.At.Before(began) {
			g.Events += p.Events
		} else {
			g.Events += p.MostEvents
		}
	}
	return g
}

type sparklinesOutput struct{ Body api.Sparklines }

// sparkHours is how far back sparklines go.
const sparkHours = 24

func (m *Manager) sparklines(ctx context.Context, _ picloud.Principal, _ *AppPath) (*sparklinesOutput, error) {
	q := picloud.MetricsQuery{AppID: accessOf(ctx).App.ID, Step: time.Hour}
	q.To = m.now().UTC().Truncate(time.Hour).Add(time.Hour)
	q.From = q.To.Add(-sparkHours * time.Hour)
	m.flush(ctx)
	list, err := m.store.ScriptMetrics(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &sparklinesOutput{Body: api.Sparklines{From: q.From, StepSeconds: int64(q.Step / time.Second), Scripts: []api.Sparkline{}}}
	for _, p := range list {
		if n := len(out.Body.Scripts); n == 0 || out.Body.Scripts[n-1].Script != p.Script {
			out.Body.Scripts = append(out.Body.Scripts, api.Sparkline{Script: p.Script, Runs: make([]int64, sparkHours), Errors: make([]int64, sparkHours)})
		}
		line, i := &out.Body.Scripts[len(out.Body.Scripts)-1], p.At.Sub(q.From)/q.Step
		line.Runs[i], line.Errors[i] = p.Runs, p.Errors
	}
	return out, nil
}
