package picloud

import (
	"context"
	"time"
)

// The interfaces below are what the services ask of the store, one for each
// kind of need, so that a consumer names only what it uses. Every method is
// one transaction: it happens wholly or not at all, and what it acknowledged
// is on disk. Errors are [Error]s where a user is at fault; any other error
// means that the store is in trouble.

// Accounts keeps people and what proves who they are.
type Accounts interface {
	// OwnerExists reports whether an instance has been set up.
	OwnerExists(ctx context.Context) (bool, error)
	// PutSetupToken replaces the one-time token with which an owner can be
	// made until it expires.
	PutSetupToken(ctx context.Context, hash TokenHash, expires time.Time) error
	// CreateOwner makes the first owner and uses up the setup token. It
	// fails with CodeSetupDone if there is an owner, and with
	// CodeInvalidCredentials if the token is not the current one.
	CreateOwner(ctx context.Context, owner NewOwner) (User, error)
	// CredentialsOf finds a user by normalised user name or e-mail address;
	// CodeNotFound if there is none.
	CredentialsOf(ctx context.Context, login string) (Credentials, error)
	// PutPassword replaces a user's hash and ends their other sessions:
	// all but the one with the id keep, which may be "".
	PutPassword(ctx context.Context, userID, hash, keep string) error
}

// NewOwner is the first owner of an instance.
type NewOwner struct {
	Username, Email string // normalised
	PasswordHash    string
	SetupToken      *TokenHash // nil when the operator asks through the environment: no token is needed then
}

// Sessions keeps who is signed in.
type Sessions interface {
	// CreateSession enters a session under the hash of its token.
	CreateSession(ctx context.Context, s Session, token TokenHash) error
	// SessionOf finds a session that has not expired by now, with its user;
	// CodeUnauthenticated otherwise.
	SessionOf(ctx context.Context, token TokenHash, now time.Time) (Session, User, error)
	// ListSessions lists a user's sessions that have not expired by now, the
	// most recently used first.
	ListSessions(ctx context.Context, userID string, now time.Time) ([]Session, error)
	// TouchSession moves a session's last use and expiry on.
	TouchSession(ctx context.Context, id string, seen, expires time.Time) error
	// DeleteSession ends a session, on every node; ending one that is not
	// there is no error.
	DeleteSession(ctx context.Context, id string) error
	// DeleteOtherSessions ends a user's sessions but for the one with the id
	// keep, which may be "", and tells how many.
	DeleteOtherSessions(ctx context.Context, userID, keep string) (int64, error)
	// SignedInFrom lists the addresses from which a login, a normalised user
	// name or e-mail address, has made the sessions that it has. It takes one
	// statement, whether there is such a user or not.
	SignedInFrom(ctx context.Context, login string, now time.Time) ([]string, error)
	// DeleteExpiredSessions drops what has expired and tells how many.
	DeleteExpiredSessions(ctx context.Context, now time.Time) (int64, error)
}

// Apps keeps the tenants.
type Apps interface {
	// ListApps lists all apps by name.
	ListApps(ctx context.Context) ([]App, error)
	// AppByName finds an app; CodeNotFound if there is none.
	AppByName(ctx context.Context, name string) (App, error)
	// ListAppsOf lists the apps that a user belongs to, by name.
	ListAppsOf(ctx context.Context, userID string) ([]App, error)
	// CreateApp makes an app; CodeConflict if the name is taken.
	CreateApp(ctx context.Context, name string) (App, error)
	// DeleteApp deletes an app with all that it owns. The default app stays:
	// CodeConflict. Its records stay until the retention takes them.
	DeleteApp(ctx context.Context, name string) error
}

// Scripts keeps scripts, their versions and their routes. An app or script
// that is not there is CodeNotFound.
type Scripts interface {
	// Deploy makes scripts live, all of them or none.
	Deploy(ctx context.Context, d Deployment) ([]Deployed, error)
	// Rollback points a script at an older version: the given one, or with 0
	// the one before the live one, by number.
	Rollback(ctx context.Context, app, script string, version int) (LiveScript, error)
	// SetEnabled switches a script on or off.
	SetEnabled(ctx context.Context, app, script string, enabled bool) (LiveScript, error)
	// DeleteScript removes a script with its versions and routes. Its
	// records stay until the retention takes them.
	DeleteScript(ctx context.Context, app, script string) error
	// ListScripts lists an app's scripts by name.
	ListScripts(ctx context.Context, app string) ([]LiveScript, error)
	// ScriptByName finds a script.
	ScriptByName(ctx context.Context, app, script string) (LiveScript, error)
	// ListVersions lists a script's versions, newest first: those with a
	// number below before, or from the newest with 0; at most limit.
	ListVersions(ctx context.Context, app, script string, before, limit int) ([]Version, error)
	// VersionByNumber finds a version with its source; 0 is the live one.
	VersionByNumber(ctx context.Context, app, script string, number int) (Version, string, error)
}

// Deployment asks for scripts of one app to be made live.
type Deployment struct {
	App     string
	By      string // the user name of whoever asks
	DryRun  bool   // check and answer as if, and change nothing
	Scripts []ScriptDeploy
}

// ScriptDeploy is one script of a deployment. Names, routes, source and
// settings have been validated; that the source compiles is the deployer's
// business.
type ScriptDeploy struct {
	Name     string
	Source   string
	Settings *Settings // nil keeps those of the live version
	Routes   []Route   // nil keeps the routes, or gives a new script its DefaultRoute; empty means none
	Note     string
	// IfVersion makes the deploy fail with CodeConflict unless this is the
	// live version's number; 0 does not ask.
	IfVersion int
}

// Deployed tells what became of one script of a deployment.
type Deployed struct {
	LiveScript
	Created       bool // the script is new
	NewVersion    bool // false when the content equals a version that was there
	RoutesChanged bool
	Previous      int // the number of the version that was live before; 0 for a new script
}

// Snapshots gives nodes what is live.
type Snapshots interface {
	// Snapshot loads everything live in a few queries.
	Snapshot(ctx context.Context) (*Snapshot, error)
	// VersionSource is the source of the version with this hash;
	// CodeNotFound if no version has it.
	VersionSource(ctx context.Context, hash string) (string, error)
	// Subscribe has f called after every commit that changed what is live,
	// until cancel. In one process the call is made by the committing
	// goroutine before it acknowledges: a subscriber that reloads within f
	// makes a deploy live before its answer is sent. Calls may overlap and
	// be out of order; Change.Revision orders them. The context is not
	// cancelled with the request that caused the change.
	Subscribe(f func(context.Context, Change)) (cancel func())
}

// Records keeps the history of invocations.
type Records interface {
	// AddRecords enters a batch. A record whose id is there already is left
	// as it is, so that a batch may be tried again.
	AddRecords(ctx context.Context, batch []Record) error
	// InvocationByID finds one invocation of an app.
	InvocationByID(ctx context.Context, app, id string) (Invocation, error)
	// ListInvocations lists what matches q.
	ListInvocations(ctx context.Context, q RecordQuery) ([]Invocation, error)
	// ListLogs lists the lines that match q, except that q.Status is ignored.
	ListLogs(ctx context.Context, q RecordQuery) ([]LogLine, error)
	// JournalOf is the journal of an invocation, with the invocation, as it
	// was recorded; CodeNotFound when there is none.
	JournalOf(ctx context.Context, app, id string) (Invocation, []byte, error)
	// Recorded is a channel that is closed as soon as records are entered
	// after the call, by this process or by another one.
	Recorded() <-chan struct{}
	// Prune deletes the oldest records until those left are within r. While
	// another process is at it, it does nothing.
	Prune(ctx context.Context, r Retention, now time.Time) (Pruned, error)
}

// MetricsReader gives what [Records.AddRecords] and [Data.Commit] have summed up
// of the records that they entered, in the same transactions.
type MetricsReader interface {
	// ReadMetrics is the steps of an aligned query in which something ran, in
	// their order.
	ReadMetrics(ctx context.Context, q MetricsQuery) ([]MetricsPoint, error)
	// ScriptMetrics is the same for each script of the query's app, by name.
	ScriptMetrics(ctx context.Context, q MetricsQuery) ([]ScriptPoint, error)
	// ReadGauges is what the query's app, or every one, had waiting and kept: a
	// point for each step in which that may have changed, in their order, after
	// one that tells how it was before From, where that is known.
	ReadGauges(ctx context.Context, q MetricsQuery) ([]GaugePoint, error)
	// CurrentGauge is what an app, or with "" all together, have waiting and keep.
	CurrentGauge(ctx context.Context, appID string) (Gauge, error)
	// TotalMetrics is what ran in each app, ever, by name.
	TotalMetrics(ctx context.Context) ([]AppMetrics, error)
	// SweepMetrics makes hours and days of what is no longer kept finer, drops
	// what is not kept at all, and counts anew what is waiting. It tells how
	// many rows are gone.
	SweepMetrics(ctx context.Context, now time.Time) (int64, error)
}

// QuotaKeeper keeps what apps may use. What they keep in the store is held to it by
// [Data.Commit]; what they use in a day, by whoever runs them.
type QuotaKeeper interface {
	// QuotasOf is an app's quotas, and which of them are not the defaults.
	QuotasOf(ctx context.Context, appID string) (q Quotas, set []QuotaKind, err error)
	// SetQuotas changes some of an app's quotas; nil is back to the default.
	SetQuotas(ctx context.Context, app string, amounts map[QuotaKind]*int64) error
	// UsageOf is what an app uses now, and has used on a day, of what is
	// recorded.
	UsageOf(ctx context.Context, appID string, day time.Time) (Usage, error)
	// RaiseAlarm enters an alarm, unless the same one is there and has not
	// passed, and tells whether it did. The store raises those for what is kept
	// in it by itself, and clears them.
	RaiseAlarm(ctx context.Context, a Alarm) (bool, error)
	// ListAlarms lists an app's alarms, the newest first.
	ListAlarms(ctx context.Context, appID string, limit int) ([]Alarm, error)
}

// Data keeps what the scripts of an app remember.
type Data interface {
	// ReadEntries is what the keys hold, in their order, all at one moment.
	ReadEntries(ctx context.Context, appID string, keys []string) ([]Entry, error)
	// ListEntries lists a range of keys.
	ListEntries(ctx context.Context, appID string, q EntryQuery) (EntryPage, error)
	// Commit makes what an invocation wants to change happen together with
	// its record, or nothing of it: [ErrStale] when something that it saw has
	// changed, CodeQuota, CodeQuotaFiles or CodeQuotaEvents when the app would keep
	// too much. Concurrent commits
	// share one sync of the disk. A commit that has begun is not given up
	// when ctx ends.
	Commit(ctx context.Context, c Commit) error
	// CommitLater is Commit for who does not wait: done is called with its
	// result, by the goroutine that goes on with the next commits.
	CommitLater(c Commit, done func(error))
	// Unchanged fails with [ErrStale] unless everything that was seen is
	// still so.
	Unchanged(ctx context.Context, appID string, seen *Effects) error
	// SweepEntries drops keys that have expired and tells how many.
	SweepEntries(ctx context.Context, now time.Time) (int64, error)
	// Delivered reports whether an app remembers a webhook that has come.
	Delivered(ctx context.Context, appID string, d Delivery) (bool, error)
	// SweepDelivered drops what apps need no longer remember of webhooks, and
	// tells how much.
	SweepDelivered(ctx context.Context, now time.Time) (int64, error)
	// Usage is what an app keeps.
	Usage(ctx context.Context, appID string) (DataUsage, error)
}

// AsyncInvocations keeps requests that are answered later. They are entered and
// ended by [Data.Commit].
type AsyncInvocations interface {
	// AsyncByID finds one of an app that has not been forgotten, with its
	// response, encoded, if it has ended and there is one.
	AsyncByID(ctx context.Context, app, id string) (AsyncInvocation, []byte, error)
	// ListAsync lists those that match q, the newest first.
	ListAsync(ctx context.Context, q AsyncQuery) ([]AsyncInvocation, error)
	// CancelAsync ends one that has not ended: CodeConflict for one that has.
	// A run on it that has begun will find that its event is not there.
	CancelAsync(ctx context.Context, app, id string) (AsyncInvocation, error)
	// SweepAsync forgets those that ended long enough ago, and tells how many.
	SweepAsync(ctx context.Context, now time.Time) (int64, error)
}

// Answers keeps the responses to idempotent requests. They are entered by
// [Data.Commit].
type Answers interface {
	// HoldAnswer takes an idempotent request for a holder until a time, when
	// somebody else may take it over. If it was answered before, it is the
	// response, encoded; [ErrInFlight] while somebody else holds it,
	// [ErrKeyReused] when the key was used for something else, CodeOverloaded
	// when the app keeps too many. The node is whose end releases it.
	HoldAnswer(ctx context.Context, appID string, k AnswerKey, holder, node string, until time.Time) ([]byte, error)
	// ReleaseAnswer gives up a request that was held and not answered, so that
	// it may be tried again.
	ReleaseAnswer(ctx context.Context, appID string, key []byte, holder string) error
	// ReleaseAnswers does so for all that a node holds, or with "" anybody.
	ReleaseAnswers(ctx context.Context, node string) (int64, error)
	// SweepAnswers forgets what is to be forgotten, and tells how many.
	SweepAnswers(ctx context.Context, now time.Time) (int64, error)
}

// Files keeps the names of files. They are written by [Data.Commit].
type Files interface {
	// ListFiles lists a range of an app's files.
	ListFiles(ctx context.Context, appID string, q FileQuery) (FilePage, error)
	// KnownBlobs is which of some blobs, by id, are the content of a file.
	KnownBlobs(ctx context.Context, ids []string) ([]string, error)
	// OnDropped has f told of the blobs that commits of this process leave
	// without a name, until cancel. It must not block.
	OnDropped(f func(ids []string)) (cancel func())
}

// Events keeps what is to start scripts. Events are entered and settled by
// [Data.Commit].
type Events interface {
	// ClaimEvents takes events that are due, of other lines than those in
	// except, for whoever claim names: until then they are nobody else's.
	// Every claim counts as an attempt.
	ClaimEvents(ctx context.Context, claim string, until time.Time, limit int, except []EventLine) ([]Event, error)
	// NextEvent is when the next event of other lines is due, or for those
	// that are claimed when their claim ends; false when none waits.
	NextEvent(ctx context.Context, except []EventLine) (time.Time, bool, error)
	// ReleaseEvents has the events that somebody has claimed, or with ""
	// anybody, be due at once, and tells how many: those of a process that is
	// gone. Their error is [LostRun] then if they had none, and the attempt
	// does not count: most of what a process has claimed it has not begun.
	ReleaseEvents(ctx context.Context, claim string) (int64, error)
	// ReturnEvents gives back events that whoever claim names has claimed and
	// not begun to run: they are due at once, and the attempt does not count.
	ReturnEvents(ctx context.Context, claim string, ids []string) error
	// Entered is a channel that is closed as soon as events are entered, or
	// due earlier than they were, after the call.
	Entered() <-chan struct{}
	// ListEvents lists events that match q, the newest first, without their
	// bodies.
	ListEvents(ctx context.Context, q EventQuery) ([]Event, error)
	// CountEvents counts an app's events by script, source and state.
	CountEvents(ctx context.Context, app string) ([]EventCount, error)
	// EventByID finds an event of an app.
	EventByID(ctx context.Context, app, id string) (Event, error)
	// RedriveEvent has a dead event tried anew, with another body unless that
	// is nil.
	RedriveEvent(ctx context.Context, app, id string, kind ValueKind, body []byte) error
	// RedriveEvents has all dead events that match q tried anew, and tells how
	// many.
	RedriveEvents(ctx context.Context, q EventQuery) (int64, error)
	// DropEvent removes an event that is not being run.
	DropEvent(ctx context.Context, app, id string) error
	// DropEvents removes all events that match q and are not being run, and
	// tells how many.
	DropEvents(ctx context.Context, q EventQuery) (int64, error)
	// OnWithdrawn has f called with the id of an event that may be being run,
	// here, and that this run can no longer settle: it need not go on. It is
	// called on every node, until stop.
	OnWithdrawn(f func(eventID string)) (stop func())
}

// Schedules keeps when scripts are to be run. What schedules there are is said
// by the versions that are live: a deploy, a rollback or a switch makes it so in
// its own transaction. What has not changed keeps its place and stays paused.
type Schedules interface {
	// FireSchedules enters events for schedules that are due, at most limit of
	// them, writes the ledger, and tells how many schedules it was. Of several
	// who call it at once, one fires.
	FireSchedules(ctx context.Context, limit int) (int, error)
	// NextSchedule is when the next schedule is due; false when none is.
	NextSchedule(ctx context.Context) (time.Time, bool, error)
	// RewindSchedules plans anew what was planned by a clock that has been set
	// back since, and tells how many schedules that were. A time of day that
	// has come on a day does not come again. Events that wait to be tried again
	// are tried at once.
	RewindSchedules(ctx context.Context) (int64, error)
	// Rescheduled is a channel that is closed as soon as a schedule may be due
	// at another time than before the call, but for those that have fired.
	Rescheduled() <-chan struct{}
	// ListSchedules lists an app's schedules, or those of one script, by script
	// and name.
	ListSchedules(ctx context.Context, app, script string) ([]ScheduleState, error)
	// ScheduleByName finds a schedule.
	ScheduleByName(ctx context.Context, app, script, name string) (ScheduleState, error)
	// PauseSchedule has a schedule not fire until it is resumed. Doing it again
	// changes nothing.
	PauseSchedule(ctx context.Context, app, script, name, by string) (ScheduleState, error)
	// ResumeSchedule ends a pause: the schedule fires when it is next due.
	// What fell into the pause is not made up for.
	ResumeSchedule(ctx context.Context, app, script, name string) (ScheduleState, error)
	// RunSchedule enters a run at once, whether the schedule is paused or not.
	// CodeConflict tells that its runs may not overlap and one is not finished,
	// and CodeScriptDisabled that the script is switched off.
	RunSchedule(ctx context.Context, app, script, name string) (ScheduleRun, error)
	// ListRuns lists runs.
	ListRuns(ctx context.Context, q RunQuery) ([]ScheduleRun, error)
}

// DataUsage is what an app keeps: how many keys, and the bytes of keys and
// values; and how many bytes it may keep.
type DataUsage struct{ Keys, Bytes, Quota int64 }

// RecordQuery chooses records. Zero fields do not restrict.
type RecordQuery struct {
	App        string // an app's name; required
	Script     string // a script's name; the script must exist
	Invocation string // an invocation's id
	Status     Status
	MinLevel   Level     // this level and heavier ones
	Since      time.Time // started (a line: written) at this time or later

	// Ascending lists the oldest first, from those with a Seq above After:
	// how a reader follows. Otherwise the newest come first, from those with
	// a Seq below Before.
	Ascending bool
	After     int64
	Before    int64
	Limit     int // 0 means DefaultPage; above MaxPage is MaxPage
}

// Sizes of a page of records.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Retention bounds the history. A zero field does not bound.
type Retention struct {
	MaxAge   time.Duration
	MaxBytes int64 // of all records and logs together, as they were measured on entering
}

// DefaultRetention keeps two weeks, and at most half a gigabyte.
func DefaultRetention() Retention {
	return Retention{MaxAge: 14 * 24 * time.Hour, MaxBytes: 512 << 20}
}

// Pruned tells what a prune deleted.
type Pruned struct {
	Invocations, Logs int64
}
