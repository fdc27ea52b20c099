package manager

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/picloud"
)

const (
	// metricsPath is where Prometheus and its like find the instance's numbers.
	metricsPath = "/metrics"
	// maxExposedApps bounds the series: the apps that ran most have their own, and
	// the others one together, whose name no app can have.
	maxExposedApps = 100
	otherApps      = "_other"
)

// exposition answers in Prometheus's text format. The numbers are those of the
// whole instance, whichever node counted them, so that it is asked at one place.
func (m *Manager) exposition(w http.ResponseWriter, r *http.Request) {
	p, err := m.authenticate(r)
	if err == nil {
		noteUser(r.Context(), p.User.Username)
		err = access.Authorize(p, access.ReadMetrics, picloud.AppAccess{})
	}
	if err != nil {
		m.writeProblem(w, r, err)
		return
	}
	m.flush(r.Context())
	apps, err := m.store.TotalMetrics(r.Context())
	if err != nil {
		m.writeProblem(w, r, err)
		return
	}
	var b bytes.Buffer // an error on the way would leave half an answer
	fmt.Fprintf(&b, "# HELP picloud_info The version of the program.\n# TYPE picloud_info gauge\npicloud_info{version=%s} 1\n", strconv.Quote(m.version))
	writeApps(&b, busiest(apps))
	writeProcess(&b)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the client may be gone
}

// busiest bounds the apps that are told of one by one.
func busiest(apps []picloud.AppMetrics) []picloud.AppMetrics {
	if len(apps) <= maxExposedApps {
		return apps
	}
	slices.SortStableFunc(apps, func(a, b picloud.AppMetrics) int { return cmp.Compare(b.Runs, a.Runs) })
	others := picloud.AppMetrics{App: otherApps}
	for i := range apps[maxExposedApps:] {
		a := &apps[maxExposedApps+i]
		others.Metrics.Merge(&a.Metrics)
		others.Events += a.Events
		others.Bytes += a.Bytes
		others.FileBytes += a.FileBytes
	}
	return append(apps[:maxExposedApps:maxExposedApps], others)
}

// writeApps writes what the apps did and keep.
func writeApps(w io.Writer, apps []picloud.AppMetrics) {
	for _, s := range []struct {
		name, kind, help string
		value            func(*picloud.AppMetrics) int64
	}{
		{"picloud_runs_total", "counter", "Requests and events on which a script ran.", func(a *picloud.AppMetrics) int64 { return a.Runs }},
		{"picloud_run_errors_total", "counter", "Runs that failed, ran into a limit or took too long.", func(a *picloud.AppMetrics) int64 { return a.Errors }},
		{"picloud_operations_total", "counter", "Operations of scripts.", func(a *picloud.AppMetrics) int64 { return a.Operations }},
		{"picloud_request_bytes_total", "counter", "Bytes that scripts got.", func(a *picloud.AppMetrics) int64 { return a.RequestBytes }},
		{"picloud_response_bytes_total", "counter", "Bytes that scripts answered.", func(a *picloud.AppMetrics) int64 { return a.ResponseBytes }},
		{"picloud_outbound_calls_total", "counter", "Calls of scripts to the outside.", func(a *picloud.AppMetrics) int64 { return a.Calls }},
		{"picloud_events_waiting", "gauge", "Events that wait for a script or are run.", func(a *picloud.AppMetrics) int64 { return a.Events }},
		{"picloud_data_bytes", "gauge", "Bytes of keys and values.", func(a *picloud.AppMetrics) int64 { return a.Bytes }},
		{"picloud_file_bytes", "gauge", "Bytes of files.", func(a *picloud.AppMetrics) int64 { return a.FileBytes }},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", s.name, s.help, s.name, s.kind)
		for i := range apps {
			fmt.Fprintf(w, "%s{app=%q} %d\n", s.name, apps[i].App, s.value(&apps[i]))
		}
	}
	const name = "picloud_run_duration_seconds"
	fmt.Fprintf(w, "# HELP %s How long runs took.\n# TYPE %s histogram\n", name, name)
	for i := range apps {
		writeHistogram(w, name, &apps[i])
	}
}

func writeHistogram(w io.Writer, name string, a *picloud.AppMetrics) {
	bounds, sum := picloud.DurationBounds(), int64(0)
	for i, n := range a.Durations {
		sum += n
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i].Seconds(), 'g', -1, 64)
		}
		fmt.Fprintf(w, "%s_bucket{app=%q,le=%q} %d\n", name, a.App, le, sum)
	}
	fmt.Fprintf(w, "%s_sum{app=%q} %g\n%s_count{app=%q} %d\n", name, a.App, a.Duration.Seconds(), name, a.App, sum)
}

// writeProcess writes what the process of the control plane uses.
func writeProcess(w io.Writer) {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	for _, g := range []struct {
		name, help string
		value      uint64
	}{
		{"go_goroutines", "Goroutines of this process.", uint64(runtime.NumGoroutine())},
		{"go_memstats_heap_alloc_bytes", "Bytes of objects on the heap of this process.", mem.HeapAlloc},
		{"go_memstats_sys_bytes", "Bytes that this process has from the system.", mem.Sys},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s %d\n", g.name, g.help, g.name, g.name, g.value)
	}
}
