package hostapi

import (
	"context"
	"slices"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

// Data answers what scripts read.
type Data interface {
	// ReadEntries is what keys of the app hold, in their order.
	ReadEntries(ctx context.Context, keys []string) ([]picloud.Entry, error)
	// ListEntries lists a range of the app's keys.
	ListEntries(ctx context.Context, q picloud.EntryQuery) (picloud.EntryPage, error)
	FileData
}

// transaction is what a run has seen of the data of its app, and what it wants
// to change. Nothing is changed before the run has ended: the run itself sees
// its changes, and nobody else does. A key that was read stays as it was read.
// The zero value has seen nothing.
type transaction struct {
	seen   map[string]picloud.Entry // the keys in reads, as they were
	reads  []picloud.KeyRead
	ranges []picloud.RangeRead
	writes map[string]*picloud.KeyWrite
	size   int // bytes of keys and values in writes, and of messages
	// messages are to be published.
	messages []picloud.Message
	files    fileChanges
}

// effects is what the run leaves; nil for nothing.
func (t *transaction) effects() *picloud.Effects {
	f := &t.files
	if len(t.reads)+len(t.ranges)+len(t.writes)+len(t.messages)+len(f.ranges)+len(f.writes)+len(f.staged) == 0 {
		return nil
	}
	e := &picloud.Effects{Reads: t.reads, Ranges: t.ranges, Messages: t.messages}
	for _, key := range t.written() {
		e.Writes = append(e.Writes, *t.writes[key])
	}
	f.addTo(e)
	return e
}

// written lists the keys that are to be changed, in their order.
func (t *transaction) written() []string {
	keys := make([]string, 0, len(t.writes))
	for key := range t.writes {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// get is what the run sees at a key.
func (t *transaction) get(ctx context.Context, data Data, key string) (picloud.Entry, error) {
	if w := t.writes[key]; w != nil {
		return entryOf(w), nil
	}
	if e, ok := t.seen[key]; ok {
		return e, nil
	}
	if err := t.look(); err != nil {
		return picloud.Entry{}, err
	}
	list, err := data.ReadEntries(ctx, []string{key})
	if err != nil {
		return picloud.Entry{}, err
	}
	if t.seen == nil {
		t.seen = map[string]picloud.Entry{}
	}
	t.seen[key] = list[0]
	t.reads = append(t.reads, picloud.KeyRead{Key: key, Version: list[0].Version})
	return list[0], nil
}

// look fails when the run has looked at the data as often as it may.
func (t *transaction) look() error {
	if len(t.reads)+len(t.ranges)+len(t.files.ranges) >= picloud.MaxObservations {
		return picloud.Errorf(picloud.CodeSize, "an invocation may look at %d keys or listings, and this would be one more", picloud.MaxObservations)
	}
	return nil
}

// ownVersion is the version of what the run itself has written: that of the
// commit to come is not known.
const ownVersion = -1

// entryOf is a change as the run sees it.
func entryOf(w *picloud.KeyWrite) picloud.Entry {
	if w.Delete {
		return picloud.Entry{Key: w.Key}
	}
	return picloud.Entry{Key: w.Key, Version: ownVersion, Kind: w.Kind, Value: w.Value, ExpiresAt: w.ExpiresAt}
}

// put notes a change, in place of one to the same key before.
func (t *transaction) put(w *picloud.KeyWrite) error {
	old := t.writes[w.Key]
	size := t.size + len(w.Key) + len(w.Value)
	if old != nil {
		size -= len(old.Key) + len(old.Value)
	}
	if old == nil && len(t.writes) == picloud.MaxKeysWritten {
		return picloud.Errorf(picloud.CodeSize, "an invocation may write %d keys, and this would be one more", picloud.MaxKeysWritten)
	}
	if size > picloud.MaxEffectBytes {
		return picloud.Errorf(picloud.CodeSize, "an invocation may write %d bytes, and this would be %d", picloud.MaxEffectBytes, size)
	}
	if t.writes == nil {
		t.writes = map[string]*picloud.KeyWrite{}
	}
	t.writes[w.Key], t.size = w, size
	return nil
}

// publish notes a message.
func (t *transaction) publish(m picloud.Message) error {
	size := t.size + len(m.Key) + len(m.Body)
	if len(t.messages) == picloud.MaxMessages {
		return picloud.Errorf(picloud.CodeSize, "an invocation may publish %d messages, and this would be one more", picloud.MaxMessages)
	}
	if size > picloud.MaxEffectBytes {
		return picloud.Errorf(picloud.CodeSize, "an invocation may write %d bytes, and this would be %d", picloud.MaxEffectBytes, size)
	}
	t.messages, t.size = append(t.messages, m), size
	return nil
}

// list is what the run sees in a range of keys: what is stored, with its own
// changes.
func (t *transaction) list(ctx context.Context, data Data, q picloud.EntryQuery) ([]picloud.Entry, error) {
	var seen []picloud.Entry
	for size, from := 0, q.From; ; {
		if err := t.look(); err != nil {
			return nil, err
		}
		next := q
		next.From = from
		page, err := data.ListEntries(ctx, next)
		if err != nil {
			return nil, err
		}
		end := q.To
		if page.More {
			end = page.Entries[len(page.Entries)-1].Key + "\x00"
		}
		t.sawRange(from, end, page.Entries)
		for _, e := range t.overlay(from, end, page.Entries) {
			if len(seen) == q.Limit {
				return seen, nil
			}
			if size += len(e.Value); size > picloud.MaxPageBytes {
				return nil, picloud.Errorf(picloud.CodeInvalid, "the values have more than %d bytes together: ask for fewer at a time, with limit", picloud.MaxPageBytes)
			}
			seen = append(seen, e)
		}
		if !page.More || len(seen) == q.Limit {
			return seen, nil
		}
		from = end
	}
}

// sawRange notes that the range was seen to hold these keys and no others.
func (t *transaction) sawRange(from, to string, stored []picloud.Entry) {
	r := picloud.RangeRead{From: from, To: to, Count: len(stored)}
	for _, e := range stored {
		r.Newest = max(r.Newest, e.Version)
	}
	t.ranges = append(t.ranges, r)
}

// overlay is a range of stored keys with the run's own changes to it.
func (t *transaction) overlay(from, to string, stored []picloud.Entry) []picloud.Entry {
	if len(t.writes) == 0 {
		return stored
	}
	list := make([]picloud.Entry, 0, len(stored))
	for _, e := range stored {
		if t.writes[e.Key] == nil {
			list = append(list, e)
		}
	}
	for key, w := range t.writes {
		if !w.Delete && key >= from && (to == "" || key < to) {
			list = append(list, entryOf(w))
		}
	}
	slices.SortFunc(list, func(a, b picloud.Entry) int { return strings.Compare(a.Key, b.Key) })
	return list
}
