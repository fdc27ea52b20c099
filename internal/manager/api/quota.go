package api

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Quotas are what an app may use, and uses.
type Quotas struct {
	Quotas []Quota `json:"quotas"`
}

// Quota is one kind of it.
type Quota struct {
	Kind     picloud.QuotaKind `json:"kind" enum:"operations,calls,events,data,files"`
	Used     int64             `json:"used" doc:"Now; of a daily quota, since midnight UTC"`
	Limit    *int64            `json:"limit" doc:"Null: no bound"`
	Percent  *float64          `json:"percent,omitempty" doc:"Of the limit that is used; absent without one"`
	Default  bool              `json:"default" doc:"Nothing else is set for the app"`
	ResetsAt *time.Time        `json:"resets_at,omitempty" doc:"When a daily quota begins anew"`
}

// SetQuotas changes what an app may use. Kinds that are not named stay.
type SetQuotas struct {
	Quotas []SetQuota `json:"quotas" minItems:"1" maxItems:"5"`
}

// SetQuota changes one kind; either limit, unlimited or default is given.
type SetQuota struct {
	Kind      picloud.QuotaKind `json:"kind" enum:"operations,calls,events,data,files"`
	Limit     *int64            `json:"limit,omitempty" minimum:"0"`
	Unlimited bool              `json:"unlimited,omitempty"`
	Default   bool              `json:"default,omitempty" doc:"Back to the default"`
}

// Alarms tell that an app came near the end of a quota, or to it.
type Alarms struct {
	Alarms []Alarm `json:"alarms" doc:"The newest first"`
}

// Alarm is one.
type Alarm struct {
	ID        string            `json:"id"`
	Kind      picloud.QuotaKind `json:"kind" enum:"operations,calls,events,data,files"`
	Percent   int               `json:"percent" doc:"The mark that was crossed: 80, or 100"`
	Used      int64             `json:"used"`
	Limit     int64             `json:"limit"`
	RaisedAt  time.Time         `json:"raised_at"`
	ClearedAt *time.Time        `json:"cleared_at,omitempty" doc:"When it had passed; absent while it holds"`
}
