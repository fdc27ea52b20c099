package picloud

import (
	"slices"
	"time"
)

// What is kept of metrics, and for how long.
const (
	MinuteMetrics = 2 * 24 * time.Hour   // by the minute
	HourMetrics   = 31 * 24 * time.Hour  // by the hour; after that by the day
	DayMetrics    = 400 * 24 * time.Hour // by the day
	// MaxMetricsPoints is how many points one series may have.
	MaxMetricsPoints = 2_000
)

// metricsSteps are the distances between points that are chosen from when none
// is asked for.
var metricsSteps = [...]time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// durationBuckets is how many counters a histogram has.
const durationBuckets = 20

// durationBounds are the upper ends of a histogram's counters; the last one is
// without an end.
var durationBounds = [durationBuckets - 1]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// DurationBounds are the upper ends, inclusive, of a histogram's counters but the
// last, which takes all that is longer.
func DurationBounds() []time.Duration { return slices.Clone(durationBounds[:]) }

// Durations is a histogram of how long runs took. The zero value is empty.
// Histograms of several scripts, times and nodes add up.
type Durations [durationBuckets]int64

// Add counts one run.
func (d *Durations) Add(took time.Duration) {
	i, _ := slices.BinarySearch(durationBounds[:], took)
	d[i]++
}

// Quantile is about how long the fraction q of the runs took at most: exact
// to a counter, and in between as if they were spread evenly. Without runs it is 0.
// Above the last bound it is that bound.
func (d *Durations) Quantile(q float64) time.Duration {
	total := int64(0)
	for _, n := range d {
		total += n
	}
	rank, before := q*float64(total), int64(0)
	for i, n := range d {
		if n == 0 || float64(before+n) < rank {
			before += n
			continue
		}
		return within(i, (rank-float64(before))/float64(n))
	}
	return 0
}

// within is a point of a counter's range.
func within(i int, part float64) time.Duration {
	if i == len(durationBounds) {
		return durationBounds[i-1]
	}
	low := time.Duration(0)
	if i > 0 {
		low = durationBounds[i-1]
	}
	return low + time.Duration(float64(durationBounds[i]-low)*part)
}

// Metrics are the sums of some runs. The zero value is of none.
type Metrics struct {
	Runs          int64
	Errors        int64 // that failed, ran into a limit, or took too long; not those that were given up by their client
	Duration      time.Duration
	Operations    int64
	PeakBytes     int64 // of the largest run
	RequestBytes  int64
	ResponseBytes int64
	Calls         int64 // to the outside
	Durations     Durations
}

// Add counts one run.
func (m *Metrics) Add(v *Invocation) {
	m.Runs++
	if v.Status != StatusOK && v.Status != StatusCancel {
		m.Errors++
	}
	m.Duration += v.Duration
	m.Operations += v.Operations
	m.PeakBytes = max(m.PeakBytes, v.PeakBytes)
	m.RequestBytes += v.RequestBytes
	m.ResponseBytes += v.ResponseBytes
	m.Durations.Add(v.Duration)
}

// Merge adds what others have counted.
func (m *Metrics) Merge(o *Metrics) {
	m.Runs += o.Runs
	m.Errors += o.Errors
	m.Duration += o.Duration
	m.Operations += o.Operations
	m.PeakBytes = max(m.PeakBytes, o.PeakBytes)
	m.RequestBytes += o.RequestBytes
	m.ResponseBytes += o.ResponseBytes
	m.Calls += o.Calls
	for i, n := range o.Durations {
		m.Durations[i] += n
	}
}

// MetricsQuery asks for the metrics of a time, cut into steps. An empty id does
// not restrict.
type MetricsQuery struct {
	AppID, ScriptID string
	From, To        time.Time
	Step            time.Duration
}

// Aligned is the query with its ends moved outwards to whole steps, and a step
// chosen if it has none: the least one that gives at most some hundred points and
// that is still kept for From.
func (q MetricsQuery) Aligned(now time.Time) (MetricsQuery, error) {
	if !q.From.Before(q.To) {
		return q, Invalid("query.from", "from is not before to")
	}
	for _, step := range metricsSteps {
		if q.Step == 0 && q.To.Sub(q.From) <= 400*step && step >= keptStep(now.Sub(q.From)) {
			q.Step = step
		}
	}
	if q.Step == 0 {
		q.Step = metricsSteps[len(metricsSteps)-1]
	}
	if q.Step < time.Minute || q.Step%time.Minute != 0 {
		return q, Invalid("query.step", "a step is a whole number of minutes")
	}
	if kept := keptStep(now.Sub(q.From)); q.Step%kept != 0 {
		return q, Invalid("query.step", "for that time only steps of whole %ss are kept", stepName(kept))
	}
	q.From = q.From.UTC().Truncate(q.Step)
	if end := q.To.UTC().Truncate(q.Step); end.Before(q.To) {
		q.To = end.Add(q.Step)
	}
	if n := q.Points(); n > MaxMetricsPoints {
		return q, Invalid("query.step", "that would be %d points, at most %d are given", n, MaxMetricsPoints)
	}
	return q, nil
}

// Points is how many steps an aligned query has.
func (q MetricsQuery) Points() int { return int(q.To.Sub(q.From) / q.Step) }

// keptStep is the least step that is kept of what is so old.
func keptStep(age time.Duration) time.Duration {
	switch {
	case age <= MinuteMetrics:
		return time.Minute
	case age <= HourMetrics:
		return time.Hour
	}
	return 24 * time.Hour
}

func stepName(step time.Duration) string {
	if step == time.Hour {
		return "hour"
	}
	return "day"
}

// MetricsPoint is the metrics of one step.
type MetricsPoint struct {
	At time.Time // when the step began
	Metrics
}

// ScriptPoint is the metrics of one step and script.
type ScriptPoint struct {
	Script string // its name
	MetricsPoint
}

// AppMetrics is the metrics of an app of all times.
type AppMetrics struct {
	App string // its name
	Metrics
	Gauge
}

// Gauge is what an app has waiting and keeps.
type Gauge struct {
	Events    int64 // that wait or are run; not those that were given up
	Bytes     int64 // of keys and values
	FileBytes int64
}

// GaugePoint is what an app had in one step, when it last committed in it.
type GaugePoint struct {
	AppID string
	At    time.Time
	Gauge
	MostEvents int64 // at any time of the step
}
