package picloud

import (
	"context"
	"time"
)

// ActorKind tells what did something.
type ActorKind string

// The kinds of actor.
const (
	ActorNobody ActorKind = ""       // somebody who is not known: a sign-in that failed
	ActorUser   ActorKind = "user"   // a person with a session
	ActorKey    ActorKind = "key"    // an API key, for its user
	ActorSystem ActorKind = "system" // the operator, through the environment
)

// OutcomeOK is the outcome of an action that went well; that of any other is
// the code of its error.
const OutcomeOK = "ok"

// AuditEntry tells that somebody did, or tried, something that changes the
// control plane, or signed in. Entries are never changed.
//
// Before and After hold the fields at stake as they were and are. Whoever makes
// an entry lists the fields that may be shown, one by one; nothing gets in by
// being forgotten. Passwords, tokens and the values of variables never do.
type AuditEntry struct {
	Seq       int64          `json:"seq"` // its place, set by the store: a cursor
	At        time.Time      `json:"at"`
	Actor     ActorKind      `json:"actor"`
	UserID    string         `json:"user_id,omitempty"`
	Username  string         `json:"username,omitempty"` // as it was then
	KeyID     string         `json:"key_id,omitempty"`
	KeyName   string         `json:"key_name,omitempty"`
	Address   string         `json:"address,omitempty"` // where the request came from
	Action    string         `json:"action"`            // the id of the API's operation, such as "deploy"
	Outcome   string         `json:"outcome"`           // OutcomeOK or the code of an error
	App       string         `json:"app,omitempty"`
	Target    string         `json:"target,omitempty"` // what it was done to: a script, a user, a key
	Before    map[string]any `json:"before,omitempty"`
	After     map[string]any `json:"after,omitempty"`
	RequestID string         `json:"request_id,omitempty"`
}

// By is e with the principal as its actor.
func (e AuditEntry) By(p Principal) AuditEntry {
	if p.Kind == "" {
		return e
	}
	e.Actor, e.UserID, e.Username = ActorUser, p.User.ID, p.User.Username
	if p.Kind == PrincipalKey {
		e.Actor, e.KeyID, e.KeyName = ActorKey, p.Key.ID, p.Key.Name
	}
	return e
}

// Bounds of the audit log.
const (
	// DefaultAuditDays is how long entries are kept unless an instance sets
	// another time, which is MinAuditDays at least: a log that somebody can
	// empty is none.
	DefaultAuditDays = 365
	MinAuditDays     = 7
	MaxAuditDays     = 3650
	// MaxAuditEntries are kept at most, whatever their age: strangers can make
	// entries by failing to sign in.
	MaxAuditEntries = 250_000
	maxAuditText    = 512
)

// AuditQuery chooses entries, newest first. Zero fields do not restrict.
type AuditQuery struct {
	Username string
	Action   string
	App      string
	Target   string
	Failed   bool // only what did not go well
	Since    time.Time
	Until    time.Time
	Before   int64 // only entries with a lower Seq
	Limit    int   // 0 means DefaultPage; above MaxPage is MaxPage
}

// Audits keeps the audit log. Nothing in it changes an entry.
type Audits interface {
	// AddAudit enters an entry, with its time unless At is set. Texts are
	// clipped to what the log keeps.
	AddAudit(ctx context.Context, e AuditEntry) error
	// ListAudit lists what matches q, newest first.
	ListAudit(ctx context.Context, q AuditQuery) ([]AuditEntry, error)
	// PruneAudit drops what is older than a time, and tells how many.
	PruneAudit(ctx context.Context, before time.Time) (int64, error)
}

// Clip is e with every text cut to what the log keeps, and valid UTF-8.
func (e AuditEntry) Clip() AuditEntry {
	for _, s := range []*string{&e.Username, &e.KeyName, &e.Address, &e.Action, &e.Outcome, &e.App, &e.Target, &e.RequestID} {
		*s = clipText(*s, maxAuditText)
	}
	return e
}
