package manager

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// recordRuns enters runs of a script, one of which failed.
func (f *fixture) recordRuns(script string, at time.Time, n int) {
	f.Helper()
	sc, err := f.store.ScriptByName(f.Context(), picloud.DefaultApp, script)
	f.ok(err)
	batch := make([]picloud.Record, n)
	for i := range batch {
		batch[i].Invocation = picloud.Invocation{
			ID: f.m.ids.New(), AppID: sc.Script.AppID, ScriptID: sc.Script.ID, Status: picloud.StatusOK, StartedAt: at,
			Duration: 2 * time.Millisecond, Operations: 10, PeakBytes: 100,
		}
	}
	batch[0].Invocation.Status = picloud.StatusTimeout
	f.ok(f.store.AddRecords(f.Context(), batch))
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.deploy(api.DeployScript{Name: "hello", Source: "1"})
	f.deploy(api.DeployScript{Name: "other", Source: "2"})
	now := time.Now().UTC()
	f.recordRuns("hello", now, 4)
	f.recordRuns("hello", now.Add(-30*time.Hour), 3)
	f.recordRuns("other", now, 1)
	app, err := f.store.AppByName(t.Context(), picloud.DefaultApp)
	f.ok(err)
	f.ok(f.store.Commit(t.Context(), picloud.Commit{AppID: app.ID, Effects: picloud.Effects{Writes: []picloud.KeyWrite{{Key: "k", Kind: picloud.ValueJSON, Value: []byte("12345")}}}}))

	var m api.Metrics
	f.want(request{path: "/api/v1/apps/default/metrics"}, http.StatusOK, &m)
	if m.StepSeconds != 60 || len(m.Points) < 60 || m.Total.Runs != 5 || m.Total.Errors != 2 || m.Total.Operations != 50 || m.Total.P99MS < 1 || m.Total.P99MS > 2.5 || m.Total.MeanMS != 2 {
		t.Errorf("the last hour is %+v in %d points of %d s", m.Total, len(m.Points), m.StepSeconds)
	}
	last := m.Points[len(m.Points)-1]
	if m.Now == nil || m.Now.DataBytes != 6 || last.Gauge == nil || last.Gauge.DataBytes != 6 || m.Points[0].Gauge != nil {
		t.Errorf("it keeps %+v now, %+v in the last point, %+v in the first", m.Now, last.Gauge, m.Points[0].Gauge)
	}
	m = api.Metrics{}
	f.want(request{path: "/api/v1/apps/default/metrics?script=hello&step=3600&from=" + now.Add(-40*time.Hour).Format(time.RFC3339)}, http.StatusOK, &m)
	if m.StepSeconds != 3600 || m.Total.Runs != 7 || m.Now != nil || m.Points[0].At.Minute() != 0 {
		t.Errorf("40 hours of one script are %+v, in steps of %d s", m.Total, m.StepSeconds)
	}
	m = api.Metrics{}
	f.want(request{path: "/api/v1/metrics"}, http.StatusOK, &m)
	if m.Total.Runs != 5 || m.Now == nil || m.Now.DataBytes != 6 {
		t.Errorf("the instance did %+v and keeps %+v", m.Total, m.Now)
	}
	for _, q := range []string{"step=61", "step=60&from=2020-01-01T00:00:00Z", "from=2040-01-01T00:00:00Z"} {
		f.fails(request{path: "/api/v1/apps/default/metrics?" + q}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	}
	f.fails(request{path: "/api/v1/apps/default/metrics?script=nobody"}, http.StatusNotFound, picloud.CodeNotFound)

	var s api.Sparklines
	f.want(request{path: "/api/v1/apps/default/sparklines"}, http.StatusOK, &s)
	if len(s.Scripts) != 2 || s.Scripts[0].Script != "hello" || len(s.Scripts[0].Runs) != 24 || s.Scripts[0].Runs[23] != 4 || s.Scripts[0].Errors[23] != 1 || s.StepSeconds != 3600 {
		t.Errorf("the sparklines are %+v", s)
	}
}

func TestMetricsForPrometheus(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	f.deploy(api.DeployScript{Name: "hello", Source: "1"})
	f.recordRuns("hello", time.Now(), 4)
	f.fails(request{path: "/metrics", anonymous: true}, http.StatusUnauthorized, picloud.CodeUnauthenticated)
	body, err := io.ReadAll(f.do(request{path: "/metrics"}).Body)
	f.ok(err)
	text := string(body)
	for _, line := range []string{
		"# TYPE picloud_runs_total counter\npicloud_runs_total{app=\"default\"} 4\n",
		"picloud_run_errors_total{app=\"default\"} 1\n",
		"picloud_run_duration_seconds_bucket{app=\"default\",le=\"0.001\"} 0\n",
		"picloud_run_duration_seconds_bucket{app=\"default\",le=\"0.0025\"} 4\n",
		"picloud_run_duration_seconds_bucket{app=\"default\",le=\"+Inf\"} 4\n",
		"picloud_run_duration_seconds_sum{app=\"default\"} 0.008\n",
		"go_goroutines ",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %q:\n%s", line, text)
		}
	}
}

// TestExpositionIsBounded has more apps than there are series for.
func TestExpositionIsBounded(t *testing.T) {
	t.Parallel()
	apps := make([]picloud.AppMetrics, maxExposedApps+50)
	for i := range apps {
		apps[i] = picloud.AppMetrics{App: fmt.Sprint("app-", i), Metrics: picloud.Metrics{Runs: int64(i)}}
	}
	got := busiest(apps)
	sum := int64(0)
	for i := range got {
		sum += got[i].Runs
	}
	n := int64(len(apps))
	if len(got) != maxExposedApps+1 || got[0].Runs != n-1 || got[maxExposedApps].App != otherApps || sum != n*(n-1)/2 {
		t.Errorf("of %d apps there are %d, with %d runs, the last %+v", n, len(got), sum, got[maxExposedApps])
	}
}
