package cron

import (
	"time"

	gocron "github.com/netresearch/go-cron"
)

// Schedule is when something is to happen, again and again. Parse makes one.
// It does not change.
type Schedule struct {
	every time.Duration // instead of the rest

	// fields are looked at as if there were no time zones: times of day are
	// given to them as UTC.
	fields *gocron.SpecSchedule
	zone   *time.Location
	hours  bool // certain hours, not all
}

// Next is the first time after another at which s fires, in the schedule's time
// zone. There always is one.
func (s *Schedule) Next(after time.Time) time.Time {
	from := after.Truncate(time.Second).Add(time.Second)
	if s.every > 0 {
		return time.Unix(ceil(from.Unix(), int64(s.every/time.Second)), 0).UTC()
	}
	for {
		p := periodOf(from.In(s.zone))
		if next, ok := s.within(p, from); ok {
			return next.In(s.zone)
		}
		from = p.end
	}
}

// Upcoming is the next n times after another at which s fires.
func (s *Schedule) Upcoming(after time.Time, n int) []time.Time {
	times := make([]time.Time, 0, max(n, 0))
	for range n {
		after = s.Next(after)
		times = append(times, after)
	}
	return times
}

// Latest is the last n times at which s fires from one time on and until another,
// that one included, in their order.
func (s *Schedule) Latest(from, until time.Time, n int) []time.Time {
	list, all := s.between(from, until, n)
	if all || n <= 0 {
		return list
	}
	// It fires at whole seconds, at most once in each: there is a second from
	// which on there are n.
	few, many := until.Unix()+1, from.Unix()
	for few-many > 1 {
		middle := many + (few-many)/2
		if times, all := s.between(time.Unix(middle, 0), until, n); all {
			few, list = middle, times
		} else {
			many = middle
		}
	}
	return list
}

// Count is how often s fires from one time on and until another, but no more
// than most.
func (s *Schedule) Count(from, until time.Time, most int) int {
	n := 0
	for t := s.Next(from.Add(-1)); n < most && !t.After(until); t = s.Next(t) {
		n++
	}
	return n
}

// between is the first n times from one on and until another; all says that
// there are no more.
func (s *Schedule) between(from, until time.Time, n int) (list []time.Time, all bool) {
	for t := s.Next(from.Add(-1)); !t.After(until); t = s.Next(t) {
		if len(list) == n {
			return list, false
		}
		list = append(list, t)
	}
	return list, true
}

// OfDay reports whether s means times of day, each of which fires once a day,
// and not how much time passes.
func (s *Schedule) OfDay() bool { return s.hours }

// ceil is the first multiple of step that is not below n.
func ceil(n, step int64) int64 {
	rest := n % step
	switch {
	case rest == 0:
		return n
	case rest < 0: // Go's division goes towards zero
		return n - rest
	default:
		return n - rest + step
	}
}

// within is the first time of a period, from a time of it on, at which s fires.
func (s *Schedule) within(p period, from time.Time) (next time.Time, ok bool) {
	if !s.hours {
		return s.first(from, p.end, p.offset)
	}
	// The times of day that the clock has shown before have fired.
	fresh := from
	if repeated := p.start.Add(p.back()); fresh.Before(repeated) {
		fresh = repeated
	}
	next, ok = s.first(fresh, p.end, p.offset)
	// Those that it has skipped are where they were if it had not been put
	// forward.
	if late, found := s.first(from, p.start.Add(-p.back()), p.before); found && (!ok || late.Before(next)) {
		return late, true
	}
	return next, ok
}

// first is the first time from one on and before another at which the fields
// fit a clock that is ahead of UTC by offset. A zero end is no end.
func (s *Schedule) first(from, end time.Time, offset time.Duration) (time.Time, bool) {
	// The library looks for times after the one that it is given.
	shown := s.fields.Next(from.UTC().Add(offset - time.Second))
	if shown.IsZero() {
		return time.Time{}, false
	}
	t := shown.Add(-offset)
	return t, end.IsZero() || t.Before(end)
}
