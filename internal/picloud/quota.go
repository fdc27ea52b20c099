package picloud

import "time"

// QuotaKind names something that an app may use only so much of.
type QuotaKind string

// The kinds of quota.
const (
	QuotaOperations QuotaKind = "operations" // of scripts, a day
	QuotaCalls      QuotaKind = "calls"      // to the outside, a day
	QuotaEvents     QuotaKind = "events"     // that wait for scripts or are run
	QuotaData       QuotaKind = "data"       // bytes of keys and values
	QuotaFiles      QuotaKind = "files"      // bytes of files
)

// QuotaKinds are all kinds, in the order in which they are shown.
func QuotaKinds() []QuotaKind {
	return []QuotaKind{QuotaOperations, QuotaCalls, QuotaEvents, QuotaData, QuotaFiles}
}

// Valid reports whether k is one of the kinds.
func (k QuotaKind) Valid() bool {
	return k == QuotaOperations || k == QuotaCalls || k == QuotaEvents || k == QuotaData || k == QuotaFiles
}

// Daily reports whether a quota is for a day, from midnight to midnight in UTC.
func (k QuotaKind) Daily() bool { return k == QuotaOperations || k == QuotaCalls }

// NoQuota is the amount of a quota that does not bound.
const NoQuota = -1

// What an app may use unless it is said otherwise.
const (
	DefaultQuotaEvents    = 10_000_000
	DefaultQuotaFileBytes = 10 << 30
)

// Quotas are an app's. Each is an amount or NoQuota.
type Quotas struct{ Operations, Calls, Events, Data, Files int64 }

// DefaultQuotas are for apps of which nothing is said.
func DefaultQuotas() Quotas {
	return Quotas{Operations: NoQuota, Calls: NoQuota, Events: DefaultQuotaEvents, Data: DefaultQuotaBytes, Files: DefaultQuotaFileBytes}
}

// Of is where the amount of a kind is; nil for what is none.
func (q *Quotas) Of(k QuotaKind) *int64 {
	switch k {
	case QuotaOperations:
		return &q.Operations
	case QuotaCalls:
		return &q.Calls
	case QuotaEvents:
		return &q.Events
	case QuotaData:
		return &q.Data
	case QuotaFiles:
		return &q.Files
	}
	return nil
}

// QuotaDay is when the day of the daily quotas began that a time is in.
func QuotaDay(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// alarmMarks are the parts of a quota, in percent, whose crossing is told of.
var alarmMarks = [...]int{80, 100}

// Crossed are the marks between two amounts of use, the earlier of which was
// below them and the later is not.
func Crossed(before, after, quota int64) (marks []int) {
	for _, mark := range alarmMarks {
		if quota >= 0 && !reaches(before, quota, mark) && reaches(after, quota, mark) {
			marks = append(marks, mark)
		}
	}
	return marks
}

func reaches(used, quota int64, percent int) bool {
	return float64(used) >= float64(quota)*float64(percent)/100
}

// Alarm tells that an app came near the end of a quota, or to it.
type Alarm struct {
	ID        string
	AppID     string
	Kind      QuotaKind
	Percent   int // the mark that was crossed: 80, or 100
	Used      int64
	Quota     int64
	RaisedAt  time.Time
	ClearedAt time.Time // when it had passed; zero: not yet
}

// Passed is when an alarm no longer held by now; zero: it does. One of a daily
// quota passes with its day.
func (a *Alarm) Passed(now time.Time) time.Time {
	end := QuotaDay(a.RaisedAt).AddDate(0, 0, 1)
	if a.ClearedAt.IsZero() && a.Kind.Daily() && !now.Before(end) {
		return end
	}
	return a.ClearedAt
}

// Usage is how much an app uses of each kind, as [Quotas] has them.
type Usage Quotas
