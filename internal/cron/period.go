package cron

import "time"

// period is a time in which the clocks of a zone are not changed.
type period struct {
	start, end     time.Time // zero: since, and for, ever
	offset, before time.Duration
}

// periodOf is the period that a time is in.
func periodOf(t time.Time) period {
	p := period{offset: offsetAt(t)}
	p.start, p.end = t.ZoneBounds()
	if !p.end.IsZero() && !p.end.After(t) {
		// Where a zone goes by a rule, and not by a list of changes, ZoneBounds
		// ends the last day of a leap year at its beginning.
		p.end = t.Add(time.Hour)
	}
	p.before = p.offset
	if !p.start.IsZero() {
		p.before = offsetAt(p.start.Add(-time.Second))
	}
	return p
}

// back is by how much the clocks were put back when p began; negative if they
// were put forward.
func (p period) back() time.Duration { return p.before - p.offset }

// offsetAt is how far the clocks are ahead of UTC.
func offsetAt(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
