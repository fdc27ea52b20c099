package api

import (
	"encoding/json"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Entries is a page of the keys that an app's scripts keep.
type Entries struct {
	Entries []Entry `json:"entries" doc:"In the order of the keys' bytes"`
	More    bool    `json:"more" doc:"There are more: ask for those after the last key"`
}

// Entry is a key that an app's scripts keep.
type Entry struct {
	Key         string            `json:"key"`
	Version     int64             `json:"version" doc:"Grows with every change of the key; for if_version"`
	Kind        picloud.ValueKind `json:"kind" enum:"json,bytes"`
	ExpiresAt   *time.Time        `json:"expires_at,omitempty" doc:"When the key is dropped; absent: never"`
	Value       json.RawMessage   `json:"value,omitempty" doc:"In lists only when asked for"`
	ValueBase64 string            `json:"value_base64,omitempty" doc:"In place of value, when it is octets"`
}

// SetEntry gives a key a value.
type SetEntry struct {
	Key         string          `json:"key"`
	Value       json.RawMessage `json:"value,omitempty" doc:"Any JSON"`
	ValueBase64 *string         `json:"value_base64,omitempty" doc:"Octets, in place of value; scripts get a blob"`
	TTLSeconds  float64         `json:"ttl_seconds,omitempty" minimum:"0" doc:"How long the key is kept; absent or 0: until it is removed"`
	IfVersion   *int64          `json:"if_version,omitempty" minimum:"0" doc:"Only if the key has this version; 0: only if it is absent"`
}

// DataUsage is what an app keeps.
type DataUsage struct {
	Keys  int64 `json:"keys"`
	Bytes int64 `json:"bytes" doc:"Of keys and values"`
	Quota int64 `json:"quota" doc:"How many bytes the app may keep"`
}
