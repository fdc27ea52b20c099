package wire

import (
	"context"
	"encoding/json"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// effectsRoom is what the effects of one run take at most: what it writes, and
// what it says that it saw, with the numbers between.
const effectsRoom = picloud.MaxEffectBytes + picloud.MaxKeysWritten*32 + picloud.MaxMessages*(picloud.MaxTopicBytes+picloud.MaxDedupeBytes+48) + picloud.MaxObservations*(2*picloud.MaxKeyBytes+64) + fileEffectsRoom

func appendEffects(b []byte, e *picloud.Effects) []byte {
	if b = appendBool(b, e != nil); e == nil {
		return b
	}
	b = appendCount(b, len(e.Reads))
	for i := range e.Reads {
		b = appendInt(appendText(b, e.Reads[i].Key), e.Reads[i].Version)
	}
	b = appendCount(b, len(e.Ranges))
	for i := range e.Ranges {
		r := &e.Ranges[i]
		b = appendInt(appendInt(appendText(appendText(b, r.From), r.To), int64(r.Count)), r.Newest)
	}
	b = appendCount(b, len(e.Writes))
	for i := range e.Writes {
		w := &e.Writes[i]
		b = appendText(appendBool(appendText(b, w.Key), w.Delete), string(w.Kind))
		b = appendTime(appendText(b, string(w.Value)), w.ExpiresAt)
	}
	b = appendCount(b, len(e.Messages))
	for i := range e.Messages {
		m := &e.Messages[i]
		b = appendText(appendText(appendText(b, m.Topic), m.Key), string(m.Kind))
		b = appendInt(appendText(b, string(m.Body)), int64(m.Delay))
		b = appendInt(appendText(b, m.Dedupe), int64(m.Window))
	}
	return appendFileEffects(b, e)
}

// effects reads what a run wants to change and has seen, and refuses what no
// executor would say.
func (d *decoder) effects() *picloud.Effects {
	if !d.bool() || d.err != nil {
		return nil
	}
	e := &picloud.Effects{}
	if n := d.observations(2); n > 0 {
		e.Reads = make([]picloud.KeyRead, n)
		for i := range e.Reads {
			e.Reads[i] = picloud.KeyRead{Key: d.key(), Version: d.int()}
		}
	}
	if n := d.observations(4); n > 0 {
		e.Ranges = make([]picloud.RangeRead, n)
		for i := range e.Ranges {
			e.Ranges[i] = picloud.RangeRead{From: d.text(), To: d.text(), Count: d.small(), Newest: d.int()}
		}
	}
	e.Writes, e.Messages = d.writes(), d.messages()
	d.fileEffects(e)
	if e.Observations() > picloud.MaxObservations {
		d.fail("%d looks at the data", e.Observations())
	}
	if d.err != nil {
		return nil
	}
	return e
}

// observations reads how many there are, each of so many bytes at least.
func (d *decoder) observations(least int) int {
	n := d.count(least)
	if n > picloud.MaxObservations {
		d.fail("%d looks at the data", n)
	}
	if d.err != nil {
		return 0
	}
	return n
}

// key reads the name of a key.
func (d *decoder) key() string {
	key := d.text()
	if err := picloud.ValidateKey(key); err != nil {
		d.fail("%v", err)
	}
	return key
}

func (d *decoder) writes() []picloud.KeyWrite {
	n := d.count(5)
	if n > picloud.MaxKeysWritten {
		d.fail("%d keys written", n)
	}
	if n == 0 || d.err != nil {
		return nil
	}
	writes, seen, size := make([]picloud.KeyWrite, n), make(map[string]bool, n), 0
	for i := range writes {
		w := &writes[i]
		w.Key, w.Delete, w.Kind, w.Value, w.ExpiresAt = d.key(), d.bool(), picloud.ValueKind(d.text()), []byte(d.text()), d.time()
		if size += len(w.Key) + len(w.Value); size > picloud.MaxEffectBytes || len(w.Value) > picloud.MaxValueBytes {
			d.fail("more is written than the %d bytes of an invocation", picloud.MaxEffectBytes)
		}
		if seen[w.Key] {
			d.fail("the key %.60q is written twice", w.Key)
		}
		seen[w.Key] = true
		d.writable(w)
		if d.err != nil {
			return nil
		}
	}
	return writes
}

func (d *decoder) messages() []picloud.Message {
	n := d.count(7)
	if n > picloud.MaxMessages {
		d.fail("%d messages", n)
	}
	if n == 0 || d.err != nil {
		return nil
	}
	list, size := make([]picloud.Message, n), 0
	for i := range list {
		m := &list[i]
		m.Topic, m.Key, m.Kind, m.Body, m.Delay = d.text(), d.text(), picloud.ValueKind(d.text()), []byte(d.text()), time.Duration(d.int())
		m.Dedupe, m.Window = d.text(), time.Duration(d.int())
		if size += len(m.Key) + len(m.Body); size > picloud.MaxEffectBytes {
			d.fail("more is published than the %d bytes of an invocation", picloud.MaxEffectBytes)
		}
		if err := m.Validate(); err != nil {
			d.fail("a message: %v", err)
		}
		if !m.Kind.Valid() || m.Kind == picloud.ValueJSON && !json.Valid(m.Body) {
			d.fail("a message that is not %.20q", m.Kind)
		}
		if d.err != nil {
			return nil
		}
	}
	return list
}

func appendEvent(b []byte, e *picloud.EventInput) []byte {
	for _, s := range [...]string{e.ID, e.Source, e.Key, string(e.Kind), string(e.Body)} {
		b = appendText(b, s)
	}
	return appendInt(appendTime(appendTime(b, e.At), e.Due), int64(e.Attempt))
}

func (d *decoder) event() *picloud.EventInput {
	return &picloud.EventInput{
		ID: d.text(), Source: d.text(), Key: d.text(), Kind: picloud.ValueKind(d.text()), Body: []byte(d.text()),
		At: d.time(), Due: d.time(), Attempt: d.small(),
	}
}

// writable refuses a write that could not be read again.
func (d *decoder) writable(w *picloud.KeyWrite) {
	switch {
	case w.Delete:
		w.Value = nil
		if w.Kind != "" {
			d.fail("a removal with a kind")
		}
	case !w.Kind.Valid():
		d.fail("a value of kind %.20q", w.Kind)
	case w.Kind == picloud.ValueJSON && !json.Valid(w.Value):
		d.fail("a value that is not JSON")
	}
}

// Calls back about the data.

// ReadEntries implements picloud.Host.
func (h *remoteHost) ReadEntries(ctx context.Context, keys []string) ([]picloud.Entry, error) {
	return ask(ctx, h, callReadEntries, func(b []byte) []byte { return appendTexts(b, keys) }, (*decoder).entries)
}

func answerReadEntries(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	n := d.observations(1)
	keys := make([]string, n)
	for i := range keys {
		keys[i] = d.key()
	}
	if err := d.done(); err != nil {
		return nil, err
	}
	list, err := p.host.ReadEntries(ctx, keys)
	if err != nil {
		return nil, err
	}
	return appendEntries(b, list), nil
}

// ListEntries implements picloud.Host.
func (h *remoteHost) ListEntries(ctx context.Context, q picloud.EntryQuery) (picloud.EntryPage, error) {
	return ask(ctx, h, callListEntries, func(b []byte) []byte {
		return appendBool(appendInt(appendText(appendText(b, q.From), q.To), int64(q.Limit)), q.Values)
	}, func(d *decoder) picloud.EntryPage {
		return picloud.EntryPage{More: d.bool(), Entries: d.entries()}
	})
}

func answerListEntries(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	q := picloud.EntryQuery{From: d.text(), To: d.text(), Limit: d.small(), Values: d.bool()}
	if err := d.done(); err != nil {
		return nil, err
	}
	page, err := p.host.ListEntries(ctx, q)
	if err != nil {
		return nil, err
	}
	return appendEntries(appendBool(b, page.More), page.Entries), nil
}

func appendTexts(b []byte, list []string) []byte {
	b = appendCount(b, len(list))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

func appendEntries(b []byte, list []picloud.Entry) []byte {
	b = appendCount(b, len(list))
	for i := range list {
		e := &list[i]
		b = appendText(appendInt(appendText(b, e.Key), e.Version), string(e.Kind))
		b = appendBool(b, e.Value != nil)
		b = appendTime(appendText(b, string(e.Value)), e.ExpiresAt)
	}
	return b
}

func (d *decoder) entries() []picloud.Entry {
	n := d.count(6)
	if d.err != nil {
		return nil
	}
	list := make([]picloud.Entry, n)
	for i := range list {
		e := &list[i]
		e.Key, e.Version, e.Kind = d.text(), d.int(), picloud.ValueKind(d.text())
		has, value := d.bool(), d.text()
		if has {
			e.Value = []byte(value)
		}
		e.ExpiresAt = d.time()
	}
	return list
}
