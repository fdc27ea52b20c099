package cron

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the zones, for machines that have none

	gocron "github.com/netresearch/go-cron"
)

// What a schedule may be.
const (
	MaxSpecBytes = 200
	maxZoneBytes = 64
	minEvery     = time.Second
	maxEvery     = 366 * 24 * time.Hour

	// searchYears is how far apart two times of a schedule may be: the leap
	// days around 2100 are eight years apart.
	searchYears = 10

	// allHours are the bits of an hour field that leaves none out.
	allHours = 1<<24 - 1
)

// dialect is what is understood: seconds may be left out, and a day of the
// month or of the week is enough.
const dialect = gocron.SecondOptional | gocron.Minute | gocron.Hour | gocron.Dom | gocron.Month | gocron.Dow | gocron.Descriptor | gocron.DowOrDom

// Error is why something is no schedule, written for whoever wrote it.
type Error struct {
	Field   string // which of the two is wrong: FieldCron or FieldZone
	Message string
	Err     error // the cause, which Message tells too; may be nil
}

// The fields of an Error, by the names that they have in settings.
const (
	FieldCron = "cron"
	FieldZone = "time_zone"
)

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// wrong is what is wrong with the schedule itself.
func wrong(format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Field: FieldCron, Message: err.Error(), Err: err}
}

// Parse reads a schedule and the name of its time zone; "" is UTC. Its error is
// an *Error.
func Parse(spec, zone string) (*Schedule, error) {
	loc, err := location(zone)
	if err != nil {
		return nil, err
	}
	// Names are as good in capitals; the library takes the H of THU for
	// something else.
	written := strings.ToLower(strings.TrimSpace(spec))
	switch {
	case written == "":
		return nil, wrong(`a schedule is required, such as "*/5 * * * *" or "@every 90s"`)
	case len(written) > MaxSpecBytes:
		return nil, wrong("the schedule has %d bytes, at most %d are allowed", len(written), MaxSpecBytes)
	case strings.HasPrefix(written, "tz=") || strings.HasPrefix(written, "cron_tz="):
		return nil, wrong("%q: the time zone of a schedule is given by itself, not in it", spec)
	}
	if every, ok := strings.CutPrefix(written, "@every"); ok {
		return parseEvery(spec, strings.TrimSpace(every))
	}
	return parseFields(spec, written, loc)
}

// parseFields reads the fields of a schedule, or a macro.
func parseFields(spec, written string, loc *time.Location) (*Schedule, error) {
	parser, err := gocron.TryNewParser(dialect)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.WithMaxSearchYears(searchYears).Parse(written)
	if err != nil {
		return nil, wrong("%q is not a schedule: %w", spec, err)
	}
	fields, ok := parsed.(*gocron.SpecSchedule)
	if !ok {
		return nil, wrong("%q is not a schedule", spec)
	}
	fields.Location = time.UTC
	// The library gives up after as many years as the farthest leap days are apart.
	if fields.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, wrong("%q never comes: no month that it names has such a day", spec)
	}
	return &Schedule{fields: fields, zone: loc, hours: fields.Hour&allHours != allHours}, nil
}

// parseEvery reads what follows @every.
func parseEvery(spec, duration string) (*Schedule, error) {
	every, err := time.ParseDuration(duration)
	switch {
	case err != nil:
		return nil, wrong("%q is not a schedule: after @every comes a time such as 90s, 15m or 1h30m", spec)
	case every < minEvery || every > maxEvery:
		return nil, wrong("%q: the time between is not between %v and %v", spec, minEvery, maxEvery)
	case every%time.Second != 0:
		return nil, wrong("%q: the time between is not in whole seconds", spec)
	}
	return &Schedule{every: every}, nil
}

// location finds a time zone. The machine's own is not one: another node may be
// elsewhere.
func location(zone string) (*time.Location, error) {
	if zone == "" {
		return time.UTC, nil
	}
	if len(zone) <= maxZoneBytes && zone != "Local" {
		if loc, err := time.LoadLocation(zone); err == nil {
			return loc, nil
		}
	}
	return nil, &Error{Field: FieldZone, Message: fmt.Sprintf("there is no time zone %.64q; they are named like Europe/Berlin or UTC", zone)}
}
