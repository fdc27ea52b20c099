package picloud

import (
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	t.Parallel()
	var d Durations
	if got := d.Quantile(0.5); got != 0 {
		t.Errorf("of nothing the median is %v", got)
	}
	for range 98 {
		d.Add(time.Millisecond) // the upper end of its counter
	}
	d.Add(7 * time.Millisecond)
	d.Add(time.Hour)
	for _, c := range []struct {
		q         float64
		low, high time.Duration
	}{
		{0.5, 500 * time.Microsecond, time.Millisecond},
		{0.98, 999 * time.Microsecond, time.Millisecond},
		{0.99, 5 * time.Millisecond, 10 * time.Millisecond},
		{1, time.Minute, time.Minute},
	} {
		if got := d.Quantile(c.q); got < c.low || got > c.high {
			t.Errorf("quantile %v is %v, want %v to %v", c.q, got, c.low, c.high)
		}
	}
}

func TestMetricsQueryAligned(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 2, 30, 40, 0, time.UTC)
	for _, c := range []struct {
		name    string
		ago     time.Duration
		step    time.Duration
		want    time.Duration // the step; 0: refused
		atLeast int           // points
	}{
		{"an hour", time.Hour, 0, time.Minute, 60},
		{"a day", 24 * time.Hour, 0, 5 * time.Minute, 288},
		{"a week", 7 * 24 * time.Hour, 0, time.Hour, 168},
		{"a year", 365 * 24 * time.Hour, 0, 24 * time.Hour, 365},
		{"a step of one's own", 24 * time.Hour, 2 * time.Hour, 2 * time.Hour, 12},
		{"finer than is kept", 7 * 24 * time.Hour, time.Minute, 0, 0},
		{"hours of last year", 100 * 24 * time.Hour, time.Hour, 0, 0},
		{"no whole minutes", time.Hour, 90 * time.Second, 0, 0},
		{"seconds", time.Hour, time.Second, 0, 0},
		{"too many", 2 * 24 * time.Hour, time.Minute, 0, 0},
		{"nothing", 0, 0, 0, 0},
	} {
		q, err := MetricsQuery{From: now.Add(-c.ago), To: now, Step: c.step}.Aligned(now)
		if c.want == 0 {
			if err == nil {
				t.Errorf("%s: not refused but %+v", c.name, q)
			}
			continue
		}
		if err != nil || q.Step != c.want || q.Points() < c.atLeast || q.Points() > c.atLeast+1 {
			t.Errorf("%s: step %v with %d points, %v", c.name, q.Step, q.Points(), err)
		}
		if q.From.After(now.Add(-c.ago)) || q.To.Before(now) || q.From.UnixMicro()%q.Step.Microseconds() != 0 {
			t.Errorf("%s: from %v to %v", c.name, q.From, q.To)
		}
	}
}
