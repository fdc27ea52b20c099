package wire

import "github.com/picloud/picloud/internal/picloud"

// journalRoom is what a journal takes at most, encoded.
const journalRoom = 2 * picloud.MaxJournalBytes

// appendBytes tells nil from empty.
func appendBytes(b, data []byte) []byte {
	if b = appendBool(b, data != nil); data == nil {
		return b
	}
	return append(appendCount(b, len(data)), data...)
}

// journal reads a journal without looking into it: whoever uses it does.
func (d *decoder) journal() []byte {
	if !d.bool() {
		return nil
	}
	text := d.text()
	if len(text) > journalRoom {
		d.fail("a journal of %d bytes", len(text))
	}
	if d.err != nil {
		return nil
	}
	return []byte(text)
}

func appendReplay(b []byte, r *picloud.Replay) []byte {
	if b = appendBool(b, r != nil); r == nil {
		return b
	}
	return appendTexts(appendBytes(b, r.Journal), r.Versions)
}

func (d *decoder) replay() *picloud.Replay {
	if !d.bool() {
		return nil
	}
	r := &picloud.Replay{Journal: d.journal()}
	n := d.count(1)
	if n > maxNamed {
		d.fail("a replay that names %d versions", n)
	}
	if d.err != nil {
		return nil
	}
	for range n {
		r.Versions = append(r.Versions, d.text())
	}
	return r
}
