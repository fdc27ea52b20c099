package manager

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// entryPath is one key. Keys may hold any characters, slashes too, so the key
// is a parameter.
const entryPath = "/apps/{app}/data/entry"

// maxTTL is how long a key may be kept that expires, as in scripts.
const maxTTL = 100 * 365 * 24 * time.Hour

func (m *Manager) registerData() {
	register(m, operation{
		id: "list-entries", method: http.MethodGet, path: "/apps/{app}/data", tag: "data", capability: access.ReadData,
		summary: "List the keys that scripts keep",
	}, m.listEntries)
	register(m, operation{
		id: "get-entry", method: http.MethodGet, path: entryPath, tag: "data", capability: access.ReadData,
		summary: "Show a key with its value",
	}, m.getEntry)
	register(m, operation{
		id: "set-entry", method: http.MethodPut, path: entryPath, tag: "data", capability: access.WriteData,
		summary: "Give a key a value, if need be only if nobody has changed it", maxBody: maxMessageBody,
	}, m.setEntry)
	register(m, operation{
		id: "delete-entry", method: http.MethodDelete, path: entryPath, tag: "data", capability: access.WriteData,
		summary: "Remove a key",
	}, m.deleteEntry)
	register(m, operation{
		id: "get-usage", method: http.MethodGet, path: "/apps/{app}/usage", tag: "data", capability: access.ReadData,
		summary: "Tell how much the app keeps, and may keep",
	}, m.dataUsage)
}

type entriesInput struct {
	AppPath
	Prefix string `query:"prefix" doc:"Only keys that start with it"`
	After  string `query:"after" doc:"Only keys after this one: the last of the page before"`
	Limit  int    `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 100 when absent"`
	Values bool   `query:"values" doc:"With the values"`
}

type entriesOutput struct{ Body api.Entries }

func (m *Manager) listEntries(ctx context.Context, _ picloud.Principal, in *entriesInput) (*entriesOutput, error) {
	q := picloud.EntryQuery{Limit: pageSize(in.Limit), Values: in.Values}
	q.From, q.To = picloud.PrefixRange(in.Prefix, in.After)
	page, err := m.store.ListEntries(ctx, accessOf(ctx).App.ID, q)
	if err != nil {
		return nil, err
	}
	out := &entriesOutput{Body: api.Entries{Entries: make([]api.Entry, len(page.Entries)), More: page.More}}
	for i, e := range page.Entries {
		out.Body.Entries[i] = entryOf(e)
	}
	return out, nil
}

// entryOf is an entry as the API shows it, with its value if that was read.
func entryOf(e picloud.Entry) api.Entry {
	shown := api.Entry{Key: e.Key, Version: e.Version, Kind: e.Kind}
	if !e.ExpiresAt.IsZero() {
		shown.ExpiresAt = &e.ExpiresAt
	}
	switch {
	case e.Kind == picloud.ValueBytes:
		shown.ValueBase64 = base64.StdEncoding.EncodeToString(e.Value)
	case len(e.Value) > 0:
		shown.Value = e.Value
	}
	return shown
}

type entryInput struct {
	AppPath
	Key string `query:"key" required:"true"`
}

type entryOutput struct{ Body api.Entry }

func (m *Manager) getEntry(ctx context.Context, _ picloud.Principal, in *entryInput) (*entryOutput, error) {
	e, err := m.entry(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	return &entryOutput{Body: entryOf(e)}, nil
}

// entry is a key of the request's app that is there.
func (m *Manager) entry(ctx context.Context, key string) (e picloud.Entry, err error) {
	if err := picloud.ValidateKey(key); err != nil {
		return e, err
	}
	list, err := m.store.ReadEntries(ctx, accessOf(ctx).App.ID, []string{key})
	if err != nil {
		return e, err
	}
	if list[0].Version == 0 {
		return e, picloud.Errorf(picloud.CodeNotFound, "the app keeps no such key")
	}
	return list[0], nil
}

type setEntryInput struct {
	AppPath
	Body api.SetEntry
}

func (m *Manager) setEntry(ctx context.Context, _ picloud.Principal, in *setEntryInput) (*struct{}, error) {
	b := in.Body
	w, err := keyWrite(b, m.now())
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(b.Key)
	effects := picloud.Effects{Writes: []picloud.KeyWrite{w}}
	if b.IfVersion != nil {
		effects.Reads = []picloud.KeyRead{{Key: b.Key, Version: *b.IfVersion}}
	}
	err = m.store.Commit(ctx, picloud.Commit{AppID: accessOf(ctx).App.ID, Effects: effects})
	if errors.Is(err, picloud.ErrStale) {
		return nil, picloud.Errorf(picloud.CodeConflict, "the key has another version than %d: it has been changed", *b.IfVersion)
	}
	return nil, err
}

// keyWrite is the change that somebody asks for.
func keyWrite(b api.SetEntry, now time.Time) (w picloud.KeyWrite, err error) {
	if err := picloud.ValidateKey(b.Key); err != nil {
		return w, err
	}
	w.Key = b.Key
	if w.Kind, w.Value, err = entryValue(b); err != nil {
		return w, err
	}
	if len(w.Value) > picloud.MaxValueBytes {
		return w, picloud.Invalid("value", "the value has %d bytes, and a key may hold %d", len(w.Value), picloud.MaxValueBytes)
	}
	if b.TTLSeconds > maxTTL.Seconds() {
		return w, picloud.Invalid("ttl_seconds", "a key is kept for at most %d seconds, or for ever", int64(maxTTL.Seconds()))
	}
	if b.TTLSeconds > 0 {
		w.ExpiresAt = now.Add(time.Duration(b.TTLSeconds * float64(time.Second)))
	}
	return w, nil
}

// entryValue is the value in the form in which it is kept.
func entryValue(b api.SetEntry) (picloud.ValueKind, []byte, error) {
	switch {
	case len(b.Value) > 0 && b.ValueBase64 != nil:
		return "", nil, picloud.Invalid("value_base64", "there is a value already")
	case b.ValueBase64 != nil:
		octets, err := base64.StdEncoding.DecodeString(*b.ValueBase64)
		if err != nil {
			return "", nil, picloud.Invalid("value_base64", "it is not base64")
		}
		return picloud.ValueBytes, octets, nil
	case len(b.Value) == 0:
		return "", nil, picloud.Invalid("value", "there is no value")
	}
	if err := picloud.ValidateJSON("value", b.Value); err != nil {
		return "", nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b.Value); err != nil {
		return "", nil, picloud.Invalid("value", "the value is not JSON")
	}
	return picloud.ValueJSON, compact.Bytes(), nil
}

func (m *Manager) deleteEntry(ctx context.Context, _ picloud.Principal, in *entryInput) (*struct{}, error) {
	e, err := m.entry(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(e.Key)
	effects := picloud.Effects{Writes: []picloud.KeyWrite{{Key: e.Key, Delete: true}}}
	return nil, m.store.Commit(ctx, picloud.Commit{AppID: accessOf(ctx).App.ID, Effects: effects})
}

type usageOutput struct{ Body api.DataUsage }

func (m *Manager) dataUsage(ctx context.Context, _ picloud.Principal, _ *AppPath) (*usageOutput, error) {
	u, err := m.store.Usage(ctx, accessOf(ctx).App.ID)
	if err != nil {
		return nil, err
	}
	return &usageOutput{Body: api.DataUsage{Keys: u.Keys, Bytes: u.Bytes, Quota: u.Quota}}, nil
}
