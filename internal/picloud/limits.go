package picloud

import "time"

// Limits bounds what one script may use. A zero field means the default.
type Limits struct {
	WallTimeMS      int64 `json:"wall_time_ms,omitempty"`       // one HTTP or direct invocation, in milliseconds
	EventWallTimeMS int64 `json:"event_wall_time_ms,omitempty"` // one invocation by an event, in milliseconds
	Operations      int64 `json:"operations,omitempty"`         // steps of the interpreter
	MemoryBytes     int64 `json:"memory_bytes,omitempty"`       // bytes of live values
	CallDepth       int64 `json:"call_depth,omitempty"`         // nested calls
	ExprDepth       int64 `json:"expr_depth,omitempty"`         // nested expressions in the source
	StringBytes     int64 `json:"string_bytes,omitempty"`       // one string or blob
	ArrayItems      int64 `json:"array_items,omitempty"`        // items of one array
	MapEntries      int64 `json:"map_entries,omitempty"`        // entries of one map
	RequestBytes    int64 `json:"request_bytes,omitempty"`      // body of a request
	ResponseBytes   int64 `json:"response_bytes,omitempty"`     // body of a response
	LogBytes        int64 `json:"log_bytes,omitempty"`          // log of one invocation, then it is cut with a note
	Concurrency     int64 `json:"concurrency,omitempty"`        // invocations running at once
	Queue           int64 `json:"queue,omitempty"`              // invocations waiting to run
	OutboundCalls   int64 `json:"outbound_calls,omitempty"`     // calls to the outside by one invocation
	OutboundBytes   int64 `json:"outbound_bytes,omitempty"`     // the answer to one of them
	OutboundTimeMS  int64 `json:"outbound_time_ms,omitempty"`   // one of them, in milliseconds
}

// DefaultLimits is what a script gets that asks for nothing.
func DefaultLimits() Limits {
	return Limits{
		WallTimeMS:      10_000,
		EventWallTimeMS: 60_000,
		Operations:      50_000_000,
		MemoryBytes:     64 << 20,
		CallDepth:       128,
		ExprDepth:       64,
		StringBytes:     8 << 20,
		ArrayItems:      1 << 20,
		MapEntries:      256 << 10,
		RequestBytes:    4 << 20,
		ResponseBytes:   8 << 20,
		LogBytes:        256 << 10,
		Concurrency:     64,
		Queue:           256,
		OutboundCalls:   32,
		OutboundBytes:   8 << 20,
		OutboundTimeMS:  10_000,
	}
}

// MaxLimits is the ceiling of an instance that sets none of its own: what a
// small machine can still bear.
func MaxLimits() Limits {
	return Limits{
		WallTimeMS:      300_000,
		EventWallTimeMS: 900_000,
		Operations:      10_000_000_000,
		MemoryBytes:     512 << 20,
		CallDepth:       1024,
		ExprDepth:       256,
		StringBytes:     64 << 20,
		ArrayItems:      8 << 20,
		MapEntries:      2 << 20,
		RequestBytes:    64 << 20,
		ResponseBytes:   64 << 20,
		LogBytes:        4 << 20,
		Concurrency:     1024,
		Queue:           4096,
		OutboundCalls:   1_000,
		OutboundBytes:   64 << 20,
		OutboundTimeMS:  300_000,
	}
}

// WallTime is WallTimeMS as a duration.
func (l Limits) WallTime() time.Duration { return time.Duration(l.WallTimeMS) * time.Millisecond }

// EventWallTime is EventWallTimeMS as a duration.
func (l Limits) EventWallTime() time.Duration {
	return time.Duration(l.EventWallTimeMS) * time.Millisecond
}

// OutboundTime is OutboundTimeMS as a duration.
func (l Limits) OutboundTime() time.Duration {
	return time.Duration(l.OutboundTimeMS) * time.Millisecond
}

// Or is l with every zero field taken from d.
func (l Limits) Or(d Limits) Limits {
	defaults := d.fields()
	for i, f := range l.fields() {
		if *f.value == 0 {
			*f.value = *defaults[i].value
		}
	}
	return l
}

// Validate refuses a limit that is negative or above the ceiling. A zero field
// of the ceiling does not bound.
func (l Limits) Validate(ceiling Limits) error {
	most := ceiling.fields()
	for i, f := range l.fields() {
		field := "limits." + f.name
		if *f.value < 0 {
			return Invalid(field, "%d is negative", *f.value)
		}
		if top := *most[i].value; top > 0 && *f.value > top {
			return Invalid(field, "%d is above the ceiling of this instance, %d", *f.value, top)
		}
	}
	return nil
}

// limitField is one limit by its name in the API.
type limitField struct {
	name  string
	value *int64
}

// fields lists the limits of l, which stays addressable through them.
func (l *Limits) fields() []limitField {
	return []limitField{
		{"wall_time_ms", &l.WallTimeMS},
		{"event_wall_time_ms", &l.EventWallTimeMS},
		{"operations", &l.Operations},
		{"memory_bytes", &l.MemoryBytes},
		{"call_depth", &l.CallDepth},
		{"expr_depth", &l.ExprDepth},
		{"string_bytes", &l.StringBytes},
		{"array_items", &l.ArrayItems},
		{"map_entries", &l.MapEntries},
		{"request_bytes", &l.RequestBytes},
		{"response_bytes", &l.ResponseBytes},
		{"log_bytes", &l.LogBytes},
		{"concurrency", &l.Concurrency},
		{"queue", &l.Queue},
		{"outbound_calls", &l.OutboundCalls},
		{"outbound_bytes", &l.OutboundBytes},
		{"outbound_time_ms", &l.OutboundTimeMS},
	}
}
