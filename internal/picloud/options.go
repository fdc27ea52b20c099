package picloud

import (
	"context"
	"time"
)

// Options is what an owner or admin sets for the whole instance while it runs.
type Options struct {
	// AuditDays is how long the audit log is kept.
	AuditDays int `json:"audit_days"`
	// ResultHours is how long the result of an asynchronous invocation is
	// kept, and IdempotencyHours the response to an idempotent request.
	ResultHours      int `json:"result_hours"`
	IdempotencyHours int `json:"idempotency_hours"`
}

// How long results and responses are kept: by default, and at most.
const (
	DefaultKeptHours = 24
	MaxKeptHours     = 31 * 24
)

// ResultLife is ResultHours as a duration.
func (o Options) ResultLife() time.Duration { return time.Duration(o.ResultHours) * time.Hour }

// IdempotencyLife is IdempotencyHours as a duration.
func (o Options) IdempotencyLife() time.Duration {
	return time.Duration(o.IdempotencyHours) * time.Hour
}

// DefaultOptions is what holds until somebody sets something.
func DefaultOptions() Options {
	return Options{AuditDays: DefaultAuditDays, ResultHours: DefaultKeptHours, IdempotencyHours: DefaultKeptHours}
}

// Validate refuses options that are out of range.
func (o Options) Validate() error {
	if o.AuditDays < MinAuditDays || o.AuditDays > MaxAuditDays {
		return Invalid("audit_days", "the audit log is kept for %d to %d days", MinAuditDays, MaxAuditDays)
	}
	for name, hours := range map[string]int{"result_hours": o.ResultHours, "idempotency_hours": o.IdempotencyHours} {
		if hours < 1 || hours > MaxKeptHours {
			return Invalid(name, "it is kept for 1 to %d hours", MaxKeptHours)
		}
	}
	return nil
}

// InstanceOptions keeps the options of an instance.
type InstanceOptions interface {
	// ReadOptions is what is set, and the default where nothing is.
	ReadOptions(ctx context.Context) (Options, error)
	// PutOptions replaces the options, and is those from before.
	PutOptions(ctx context.Context, o Options) (before Options, err error)
}
