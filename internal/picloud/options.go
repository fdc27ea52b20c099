package picloud

import "context"

// Options is what an owner or admin sets for the whole instance while it runs.
type Options struct {
	// AuditDays is how long the audit log is kept.
	AuditDays int `json:"audit_days"`
}

// DefaultOptions is what holds until somebody sets something.
func DefaultOptions() Options { return Options{AuditDays: DefaultAuditDays} }

// Validate refuses options that are out of range.
func (o Options) Validate() error {
	if o.AuditDays < MinAuditDays || o.AuditDays > MaxAuditDays {
		return Invalid("audit_days", "the audit log is kept for %d to %d days", MinAuditDays, MaxAuditDays)
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
