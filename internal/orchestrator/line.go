package orchestrator

import (
	"cmp"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// aheadTime is how long what a line has claimed should take to run: so much
	// is claimed ahead of its slots.
	aheadTime = 2 * time.Second
	// maxAhead is how many events a line claims ahead at most.
	maxAhead = 1024
	// firstPace is what a run is thought to take before any has ended.
	firstPace = 50 * time.Millisecond
)

// lineKey names a line: the messages of a topic that a script subscribes to,
// or, with no source, whatever else starts it.
type lineKey struct{ scriptID, source string }

// lineRule is how the events of a line are run.
type lineRule struct {
	picloud.Subscription
	slots int // runs at a time on this node
}

// newLineRule is the rule of a subscription to a script with those limits; the
// zero subscription is for what else starts it.
func newLineRule(s picloud.Subscription, limits picloud.Limits) lineRule {
	return lineRule{s, max(1, min(cmp.Or(s.Concurrency, picloud.DefaultEventConcurrency), int(limits.Concurrency)))}
}

// line is the events of one kind that this node has claimed for one script. The
// dispatcher's lock guards it.
type line struct {
	key     lineKey
	waiting []picloud.Event // claimed and not begun, in their order
	offered int             // room that was promised to events on their way into the store
	runs    int
	pace    time.Duration // what a run takes, smoothed
	// behind says that the store may hold more that is due: it was left there
	// because the line was full.
	behind bool
}

// window is how many events the line holds at most that are not running: as
// many as its slots do in a moment. Whoever is slow claims little, so that
// other nodes may, and claims do not end before their event's turn.
func (l *line) window(r lineRule) int {
	pace := cmp.Or(l.pace, firstPace)
	return min(max(int(aheadTime*time.Duration(r.slots)/pace), r.slots), maxAhead)
}

// room reports whether the line takes another event.
func (l *line) room(r lineRule) bool { return len(l.waiting)+l.offered < l.window(r) }

// accepts reports whether a claimed event may wait in the line. One that has
// failed or may have taken its process down is claimed only to be run at once:
// when a process dies, all that it had claimed counts as tried.
func (l *line) accepts(e *picloud.Event, r lineRule) bool {
	if e.Error != "" {
		return l.runs+len(l.waiting) < r.slots
	}
	return l.room(r)
}

// take removes the event whose turn it is.
func (l *line) take() picloud.Event {
	e := l.waiting[0]
	l.waiting[0] = picloud.Event{}
	if l.waiting = l.waiting[1:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	return e
}

// ran takes a run into account.
func (l *line) ran(d time.Duration) {
	d = max(d, time.Microsecond)
	if l.pace == 0 {
		l.pace = d
		return
	}
	l.pace += (d - l.pace) / 8
}

// idle reports whether the line may be forgotten.
func (l *line) idle() bool {
	return l.runs == 0 && l.offered == 0 && len(l.waiting) == 0 && !l.behind
}
