package picloud

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSchedulesAreRefusedByTheirField(t *testing.T) {
	t.Parallel()
	ok := Schedule{Name: "nightly", Cron: "@daily"}
	for field, edit := range map[string]func(*Schedule){
		"name":               func(s *Schedule) { s.Name = "No name" },
		"overlap":            func(s *Schedule) { s.Overlap = "perhaps" },
		"missed":             func(s *Schedule) { s.Missed = "some" },
		"max_missed":         func(s *Schedule) { s.MaxMissed = 3 },
		"jitter_ms":          func(s *Schedule) { s.JitterMS = time.Hour.Milliseconds() + 1 },
		"max_attempts":       func(s *Schedule) { s.MaxAttempts = 101 },
		"retry_delay_ms":     func(s *Schedule) { s.RetryDelayMS = -1 },
		"max_retry_delay_ms": func(s *Schedule) { s.MaxRetryDelayMS = 25 * 3600 * 1000 },
		"body":               func(s *Schedule) { s.Body = []byte("{") },
	} {
		bad := ok
		edit(&bad)
		err := (Settings{Schedules: []Schedule{ok, bad}}).Validate(MaxLimits())
		var e *Error
		if !errors.As(err, &e) || e.Field != "schedules[1]."+field || e.Code != CodeInvalid {
			t.Errorf("%s: %v", field, err)
		}
	}
	bad := ok
	bad.Body = []byte(`"` + strings.Repeat("x", MaxScheduleBody) + `"`)
	if err := (Settings{Schedules: []Schedule{bad}}).Validate(MaxLimits()); !IsCode(err, CodeInvalid) {
		t.Errorf("a large body: %v", err)
	}
	if err := (Settings{Schedules: []Schedule{ok, ok}}).Validate(MaxLimits()); !IsCode(err, CodeInvalid) {
		t.Errorf("the same name twice: %v", err)
	}
}

func TestHowManySchedules(t *testing.T) {
	t.Parallel()
	var list []Schedule
	for i := range MaxSchedules + 1 {
		list = append(list, Schedule{Name: fmt.Sprint("s", i), Cron: "@daily", Missed: MissedAll, MaxMissed: MaxMissedRuns, JitterMS: time.Hour.Milliseconds()})
	}
	if err := (Settings{Schedules: list[1:]}).Validate(MaxLimits()); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
	if err := (Settings{Schedules: list}).Validate(MaxLimits()); !IsCode(err, CodeInvalid) {
		t.Errorf("one too many: %v", err)
	}
}

// Versions from before there were schedules keep their names.
func TestSchedulesInHashes(t *testing.T) {
	t.Parallel()
	plain := HashVersion("1", Settings{})
	if HashVersion("1", Settings{Schedules: []Schedule{}}) != plain {
		t.Error("no schedules are not the same as none")
	}
	a, b := []Schedule{{Name: "a", Cron: "@daily", Body: []byte(`{"a": 1}`)}}, []Schedule{{Name: "a", Cron: "@daily", Body: []byte(`{"a":1}`)}}
	if HashVersion("1", Settings{Schedules: a}) == plain || HashVersion("1", Settings{Schedules: a}) != HashVersion("1", Settings{Schedules: b}) {
		t.Error("hashes of schedules")
	}
}

func TestNoMessageHasTheKeyOfASchedule(t *testing.T) {
	t.Parallel()
	m := Message{Topic: "t", Key: Schedule{Name: "a"}.OrderKey(), Kind: ValueJSON, Body: []byte("1")}
	if err := m.Validate(); m.Key == "" || !IsCode(err, CodeInvalid) {
		t.Errorf("a message with the key %q: %v", m.Key, err)
	}
	if key := (Schedule{Name: "a", Overlap: OverlapAllow}).OrderKey(); key != "" {
		t.Errorf("runs that may overlap have the key %q", key)
	}
}
