package cron_test

import (
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/cron"
	"github.com/picloud/picloud/internal/picloud"
)

func TestLatest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec, zone, from, until string
		n                       int
		want                    []string
	}{
		{"@hourly", "", "2026-11-25T01:00:00Z", "2026-11-25T01:00:00Z", 1, []string{"2026-11-25T01:00:00Z"}},
		{"@hourly", "", "2026-11-25T01:00:01Z", "2026-11-25T01:59:59Z", 3, nil},
		{"@hourly", "", "2026-11-25T01:00:00Z", "2026-11-25T05:30:00Z", 9, []string{"2026-11-25T01:00:00Z", "2026-11-25T02:00:00Z", "2026-11-25T03:00:00Z", "2026-11-25T04:00:00Z", "2026-11-25T05:00:00Z"}},
		{"@hourly", "", "2026-11-25T01:00:00Z", "2026-11-25T05:30:00Z", 2, []string{"2026-11-25T04:00:00Z", "2026-11-25T05:00:00Z"}},
		{"* * * * * *", "", "1976-11-25T01:00:00Z", "2026-11-25T05:30:00.5Z", 1, []string{"2026-11-25T05:30:00Z"}},
		{"0 0 29 2 *", "", "1976-01-01T00:00:00Z", "2026-11-25T00:00:00Z", 2, []string{"2020-02-29T00:00:00Z", "2024-02-29T00:00:00Z"}},
		{"30 2 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2027-03-28T02:00:00Z", 2, []string{"2027-03-27T02:30:00+01:00", "2027-03-28T03:30:00+02:00"}},
		{"@hourly", "", "2026-11-25T01:00:00Z", "2026-11-25T05:30:00Z", 0, nil},
	} {
		var got []string
		for _, at := range parse(t, c.spec, c.zone).Latest(at(t, c.from), at(t, c.until), c.n) {
			got = append(got, at.Format(time.RFC3339))
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("the last %d of %s from %s until %s: %v, want %v", c.n, c.spec, c.from, c.until, got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	s := parse(t, "*/10 * * * *", "")
	from, until := at(t, "2026-11-25T01:00:00Z"), at(t, "2026-11-25T02:00:00Z")
	for most, want := range map[int]int{0: 0, 3: 3, 7: 7, 100: 7} {
		if got := s.Count(from, until, most); got != want {
			t.Errorf("at most %d: %d, want %d", most, got, want)
		}
	}
	if got := s.Count(until, from, 5); got != 0 {
		t.Errorf("from a time until one before it: %d", got)
	}
}

func TestOfDay(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]bool{
		"@daily": true, "30 2 * * *": true, "*/5 9-17 * * *": true,
		"@hourly": false, "* * * * *": false, "30 * * * *": false, "30 */1 * * *": false, "@every 24h": false,
	} {
		if got := parse(t, spec, "").OfDay(); got != want {
			t.Errorf("%s means times of day: %v", spec, got)
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	t.Parallel()
	good := picloud.Schedule{Name: "a", Cron: "@daily", TimeZone: "Europe/Berlin"}
	if err := cron.Validate([]picloud.Schedule{good}); err != nil {
		t.Error(err)
	}
	for field, bad := range map[string]picloud.Schedule{
		"schedules[1].cron": {Cron: "@never"}, "schedules[1].time_zone": {Cron: "@daily", TimeZone: "Mars"},
	} {
		err := cron.Validate([]picloud.Schedule{good, bad})
		if e, ok := err.(*picloud.Error); !ok || e.Field != field || e.Code != picloud.CodeInvalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// FuzzLatest compares with going through all times.
func FuzzLatest(f *testing.F) {
	f.Add("*/7 * * * *", int64(1_792_890_000), int64(5000), 3)
	f.Add("30 2 * * *", int64(1_792_890_000), int64(3_000_000), 5)
	f.Add("@every 90s", int64(0), int64(900), 10)
	f.Fuzz(func(t *testing.T, spec string, from, span int64, n int) {
		s, err := cron.Parse(spec, "Europe/Berlin")
		if err != nil {
			return
		}
		n = n & 31
		begin := time.Unix(from%4_000_000_000, 0)
		until := begin.Add(time.Duration(span%10_000_000) * time.Second)
		var all []time.Time
		for at := s.Next(begin.Add(-1)); !at.After(until) && len(all) < 5000; at = s.Next(at) {
			all = append(all, at)
		}
		if len(all) == 5000 {
			return
		}
		want := all[max(0, len(all)-n):]
		got := s.Latest(begin, until, n)
		if len(got) != len(want) {
			t.Fatalf("%d times, want %d", len(got), len(want))
		}
		for i := range got {
			if !got[i].Equal(want[i]) {
				t.Fatalf("%v, want %v", got, want)
			}
		}
	})
}
