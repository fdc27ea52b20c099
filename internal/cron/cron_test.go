package cron_test

import (
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/cron"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func parse(t testing.TB, spec, zone string) *cron.Schedule {
	t.Helper()
	s, err := cron.Parse(spec, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// firing is a schedule, a moment, and when it fires after that.
type firing struct {
	zone, spec, after string
	want              []string
}

func (f firing) check(t *testing.T) {
	t.Helper()
	for i, got := range parse(t, f.spec, f.zone).Upcoming(at(t, f.after), len(f.want)) {
		if want := at(t, f.want[i]); !got.Equal(want) || got.Format(time.RFC3339) != f.want[i] {
			t.Errorf("%s in %q after %s: firing %d is at %s, want %s", f.spec, f.zone, f.after, i+1, got.Format(time.RFC3339), f.want[i])
		}
	}
}

func TestOrdinaryDays(t *testing.T) {
	t.Parallel()
	for _, f := range []firing{
		{"", "*/5 * * * *", "2026-11-25T01:12:30Z", []string{"2026-11-25T01:15:00Z", "2026-11-25T01:20:00Z"}},
		{"", "*/20 * * * * *", "2026-11-25T01:12:20Z", []string{"2026-11-25T01:12:40Z", "2026-11-25T01:13:00Z"}},
		{"UTC", "* * * * * *", "2026-11-25T01:12:20.5Z", []string{"2026-11-25T01:12:21Z", "2026-11-25T01:12:22Z"}},
		{"", "0 9 * * MON-FRI", "2026-11-27T09:00:00Z", []string{"2026-11-30T09:00:00Z"}},
		{"", "0 9 * * THU", "2026-11-25T00:00:00Z", []string{"2026-11-26T09:00:00Z"}},
		{"", "0 9 * MAR 7", "2026-11-25T00:00:00Z", []string{"2027-03-07T09:00:00Z"}},
		// A day of the month or of the week is enough.
		{"", "0 0 13 * FRI", "2026-11-06T00:00:00Z", []string{"2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z", "2026-12-04T00:00:00Z", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"}},
		// Over the last day of a leap year, of which time.Time.ZoneBounds has its own idea.
		{"Europe/Berlin", "0 12 1 1 *", "2028-12-31T00:00:00Z", []string{"2029-01-01T12:00:00+01:00"}},
		{"Europe/Berlin", "0 12 1 1 *", "2040-12-31T00:00:00Z", []string{"2041-01-01T12:00:00+01:00"}},
		{"", "0 0 29 2 *", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"", "0 0 31 * *", "2026-11-25T00:00:00Z", []string{"2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z", "2027-03-31T00:00:00Z"}},
		{"Asia/Kathmandu", "@daily", "2026-11-25T00:00:00Z", []string{"2026-11-26T00:00:00+05:45"}},
		{"", "@weekly", "2026-11-25T00:00:00Z", []string{"2026-11-29T00:00:00Z"}},
		{"", "@Monthly", "2026-11-25T00:00:00Z", []string{"2026-12-01T00:00:00Z"}},
		{"", "@yearly", "2026-11-25T00:00:00Z", []string{"2027-01-01T00:00:00Z"}},
		{"", "@every 90s", "2026-11-25T01:12:00Z", []string{"2026-11-25T01:13:30Z", "2026-11-25T01:15:00Z"}},
		{"Europe/Berlin", "@every 2h", "2026-11-25T01:12:00Z", []string{"2026-11-25T02:00:00Z", "2026-11-25T04:00:00Z"}},
		{"", "@every 1h", "1969-12-31T21:30:00Z", []string{"1969-12-31T22:00:00Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"}},
	} {
		f.check(t)
	}
}

// TestSkippedTimes puts clocks forward.
func TestSkippedTimes(t *testing.T) {
	t.Parallel()
	for _, f := range []firing{
		// Berlin, 2027-03-28: 02:00 is 03:00.
		{"Europe/Berlin", "30 2 * * *", "2027-03-27T00:00:00Z", []string{"2027-03-27T02:30:00+01:00", "2027-03-28T03:30:00+02:00", "2027-03-29T02:30:00+02:00"}},
		{"Europe/Berlin", "30 2,3 * * *", "2027-03-27T22:00:00Z", []string{"2027-03-28T03:30:00+02:00", "2027-03-29T02:30:00+02:00", "2027-03-29T03:30:00+02:00"}},
		{"Europe/Berlin", "*/20 1-3 * * *", "2027-03-28T00:35:00Z", []string{"2027-03-28T01:40:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-28T03:20:00+02:00", "2027-03-28T03:40:00+02:00", "2027-03-29T01:00:00+02:00"}},
		{"Europe/Berlin", "30 2,4 * * *", "2027-03-28T00:59:59Z", []string{"2027-03-28T03:30:00+02:00", "2027-03-28T04:30:00+02:00"}},
		{"Europe/Berlin", "0 2,3 * * *", "2027-03-27T22:00:00Z", []string{"2027-03-28T03:00:00+02:00", "2027-03-29T02:00:00+02:00"}},
		{"Europe/Berlin", "*/30 * * * *", "2027-03-28T00:00:00Z", []string{"2027-03-28T01:30:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-28T03:30:00+02:00", "2027-03-28T04:00:00+02:00"}},
		{"Europe/Berlin", "0 1 * * *", "2027-03-27T12:00:00Z", []string{"2027-03-28T01:00:00+01:00", "2027-03-29T01:00:00+02:00"}},
		// New York, 2027-03-14.
		{"America/New_York", "15 2 * * *", "2027-03-14T00:00:00Z", []string{"2027-03-14T03:15:00-04:00", "2027-03-15T02:15:00-04:00"}},
		// Santiago, 2026-09-06: midnight is 01:00.
		{"America/Santiago", "0 0 * * *", "2026-09-05T12:00:00Z", []string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"}},
		{"America/Santiago", "@daily", "2026-09-05T12:00:00Z", []string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"}},
		{"America/Santiago", "@weekly", "2026-09-05T12:00:00Z", []string{"2026-09-06T01:00:00-03:00", "2026-09-13T00:00:00-03:00"}},
		// Lord Howe, 2026-10-04: 02:00 is 02:30.
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00Z", []string{"2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"Australia/Lord_Howe", "45 2 * * *", "2026-10-03T12:00:00Z", []string{"2026-10-04T02:45:00+11:00", "2026-10-05T02:45:00+11:00"}},
		// Apia had no 2011-12-30.
		{"Pacific/Apia", "0 12 * * *", "2011-12-29T00:00:00Z", []string{"2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00", "2012-01-01T12:00:00+14:00"}},
	} {
		f.check(t)
	}
}

// TestRepeatedTimes puts clocks back.
func TestRepeatedTimes(t *testing.T) {
	t.Parallel()
	for _, f := range []firing{
		// Berlin, 2026-10-25: 03:00 is 02:00.
		{"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", []string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"Europe/Berlin", "30 2 * * *", "2026-10-25T01:10:00Z", []string{"2026-10-26T02:30:00+01:00"}},
		{"Europe/Berlin", "*/30 1-3 * * *", "2026-10-24T23:20:00Z", []string{"2026-10-25T01:30:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00", "2026-10-25T03:30:00+01:00", "2026-10-26T01:00:00+01:00"}},
		{"Europe/Berlin", "*/30 * * * *", "2026-10-24T23:50:00Z", []string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00"}},
		{"Europe/Berlin", "@hourly", "2026-10-24T23:50:00Z", []string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}},
		{"Europe/Berlin", "0 3 * * *", "2026-10-24T12:00:00Z", []string{"2026-10-25T03:00:00+01:00", "2026-10-26T03:00:00+01:00"}},
		{"Europe/Berlin", "@every 30m", "2026-10-25T00:10:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"}},
		// New York, 2026-11-01.
		{"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", []string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		// Santiago, 2027-04-04: midnight is 23:00 of the day before.
		{"America/Santiago", "30 23 * * *", "2027-04-03T12:00:00Z", []string{"2027-04-03T23:30:00-03:00", "2027-04-04T23:30:00-04:00"}},
		{"America/Santiago", "@daily", "2027-04-03T12:00:00Z", []string{"2027-04-04T00:00:00-04:00", "2027-04-05T00:00:00-04:00"}},
		// Lord Howe, 2027-04-04: 02:00 is 01:30.
		{"Australia/Lord_Howe", "45 1 * * *", "2027-04-03T12:00:00Z", []string{"2027-04-04T01:45:00+11:00", "2027-04-05T01:45:00+10:30"}},
	} {
		f.check(t)
	}
}

// TestOnceADay goes through years of zones with every kind of change: a time of
// day fires once on each day, whichever it is.
func TestOnceADay(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo", "Asia/Beirut"} {
		for _, spec := range []string{"0 0 * * *", "30 0 * * *", "15 1 * * *", "30 2 * * *", "45 3 * * *", "59 23 * * *"} {
			s := parse(t, spec, zone)
			last := at(t, "2025-12-31T12:00:00Z")
			last = s.Next(last)
			for range 3 * 365 {
				next := s.Next(last)
				if days := day(next).Sub(day(last)); days != 24*time.Hour {
					t.Fatalf("%s in %s: after %v comes %v", spec, zone, last, next)
				}
				last = next
			}
		}
	}
}

// day is the day that a clock shows, as UTC.
func day(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, zone, says string }{
		{"", "", "is required"},
		{"  ", "", "is required"},
		{"* * * *", "", "not a schedule"},
		{"* * * * * * *", "", "not a schedule"},
		{"60 * * * *", "", "not a schedule"},
		{"* 24 * * *", "", "not a schedule"},
		{"* * 0 * *", "", "not a schedule"},
		{"* * * 13 *", "", "not a schedule"},
		{"* * * * 8", "", "not a schedule"},
		{"*/0 * * * *", "", "not a schedule"},
		{"hello", "", "not a schedule"},
		{"@reboot", "", "not a schedule"},
		{"0 0 30 2 *", "", "never comes"},
		{"0 0 31 4,6,9,11 *", "", "never comes"},
		{"TZ=", "", "given by itself"},
		{"TZ=Europe/Berlin 0 0 * * *", "", "given by itself"},
		{"CRON_TZ=UTC 0 0 * * *", "", "given by itself"},
		{"@every", "", "after @every comes"},
		{"@every soon", "", "after @every comes"},
		{"@every 500ms", "", "is not between"},
		{"@every -1h", "", "is not between"},
		{"@every 9000h", "", "is not between"},
		{"@every 1500ms", "", "whole seconds"},
		{strings.Repeat("*", 300), "", "at most 200"},
		{"* * * * *", "Europe/Nowhere", "no time zone"},
		{"* * * * *", "Local", "no time zone"},
		{"* * * * *", "../etc/passwd", "no time zone"},
		{"@every 1m", "Mars", "no time zone"},
		{"* * * * *", strings.Repeat("x", 1000), "no time zone"},
	} {
		_, err := cron.Parse(c.spec, c.zone)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Parse(%.40q, %.40q) = %v, want an error with %q", c.spec, c.zone, err, c.says)
		} else if len(err.Error()) > 600 {
			t.Errorf("Parse(%.40q, %.40q): the error has %d bytes", c.spec, c.zone, len(err.Error()))
		}
	}
}

func FuzzSchedule(f *testing.F) {
	for _, spec := range []string{"*/5 * * * *", "30 2 * * *", "0 0 29 2 *", "0 0 13 * FRI", "*/7 1-3 * * *", "@daily", "@every 90s", "TZ=", "1 2 3 4 5 6", "? ? ? ? ?"} {
		for _, zone := range []string{"", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia"} {
			f.Add(spec, zone, int64(1_792_890_000))
		}
	}
	f.Fuzz(func(t *testing.T, spec, zone string, seconds int64) {
		s, err := cron.Parse(spec, zone)
		if err != nil {
			return
		}
		after := time.Unix(seconds%4_000_000_000, 0) // 1843 to 2096
		for _, next := range s.Upcoming(after, 20) {
			if !next.After(after) || next.Nanosecond() != 0 {
				t.Fatalf("after %v comes %v", after, next)
			}
			// Nothing is between the two, wherever one looks from.
			for _, between := range []time.Time{after.Add(next.Sub(after) / 2), next.Add(-time.Second), next.Add(-1)} {
				if again := s.Next(between); between.After(after) && !again.Equal(next) {
					t.Fatalf("after %v comes %v, but after %v comes %v", after, next, between, again)
				}
			}
			after = next
		}
	})
}
