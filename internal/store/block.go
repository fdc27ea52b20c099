package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Most invocations go well and say nothing, and nobody ever looks at them one
// by one. Those of a batch are packed: one row, a block, holds the ones of a
// script, and the indexes know the block's place, script and time. Whatever
// failed or logged something has a row of its own. So has an invocation whose
// id does not tell when it was made, for a packed one is found by its time.
const (
	// minBlock is how many invocations make a block worth while.
	minBlock = 4
	// maxBlock, maxSpan and maxBlockTime bound a block: how many invocations
	// there are in it, how far their numbers reach, and how far their times.
	// Queries rely on the two latter.
	maxBlock     = 2000
	maxSpan      = 10_000
	maxBlockTime = time.Minute
	// idSlack is how far the time in an id may be from that of its invocation.
	idSlack = time.Second
	// blockOverhead is about what a block takes besides its data.
	blockOverhead = 300
)

// packed is an invocation that is to be packed, with what of it is looked at
// more than once.
type packed struct {
	*picloud.Invocation // not changed
	id                  [16]byte
	seq                 int64
	at                  int64 // when it started
}

// pack prepares an invocation for a block; false means that it may not be in
// one.
func pack(r *picloud.Record, seq int64) (packed, bool) {
	v := &r.Invocation
	if v.Status != picloud.StatusOK || v.Error != nil || v.LogsCut || len(r.Logs) > 0 || v.Journal != picloud.JournalNone {
		return packed{}, false
	}
	u, ok := parseID(v.ID)
	if !ok {
		return packed{}, false
	}
	made, ok := timeOf(u)
	return packed{v, u, seq, micros(v.StartedAt)}, ok && made.Sub(v.StartedAt).Abs() <= idSlack
}

// timeOf is the time in a UUID of version 7.
func timeOf(u [16]byte) (time.Time, bool) {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(u[:8]) >> 16)), u[6]>>4 == 7
}

// parseID reads a UUID in canonical form.
func parseID(id string) (u [16]byte, ok bool) {
	if len(id) != 36 {
		return u, false
	}
	for i, n := 0, 0; i < len(id); {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if id[i] != '-' {
				return u, false
			}
			i++
			continue
		}
		high, low := nibble(id[i]), nibble(id[i+1])
		if high|low > 15 {
			return u, false
		}
		u[n] = high<<4 | low
		i, n = i+2, n+1
	}
	return u, true
}

// nibble is the value of a hexadecimal digit in lower case; above 15 for what
// is none.
func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// formatID is the canonical form of a UUID.
func formatID(u []byte) string {
	var b [36]byte
	hex.Encode(b[:8], u[:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// growing is a block that is being filled, in the order of the numbers, with
// the times that it reaches.
type growing struct {
	list        []packed
	first, last int64
}

// take adds an invocation if it fits.
func (g *growing) take(v packed) bool {
	if len(g.list) == 0 {
		g.list, g.first, g.last = append(g.list, v), v.at, v.at
		return true
	}
	first, last := min(g.first, v.at), max(g.last, v.at)
	if len(g.list) >= maxBlock || v.seq-g.list[0].seq >= maxSpan || last-first > maxBlockTime.Microseconds() {
		return false
	}
	g.list, g.first, g.last = append(g.list, v), first, last
	return true
}

// shape is what many invocations of a block share.
type shape struct {
	version    int
	trigger    picloud.Trigger
	method     string
	path       string
	httpStatus int
}

// blockFormat is the first byte of a block's data.
const blockFormat = 1

// encode writes a block: the names, the shapes that occur, and the invocations
// with differences in place of numbers.
func (g *growing) encode() []byte {
	shapes, index := []shape{}, map[shape]int{}
	body := make([]byte, 0, 32*len(g.list))
	var seq, started int64
	at := 0
	for i := range g.list {
		v := &g.list[i]
		s := shape{v.Version, v.Trigger, storable(v.Method), storable(v.Path), v.HTTPStatus}
		if len(shapes) == 0 || s != shapes[at] { // mostly it is that of the one before
			known := false
			if at, known = index[s]; !known {
				at = len(shapes)
				index[s] = at
				shapes = append(shapes, s)
			}
		}
		body = append(body, v.id[:]...)
		for _, n := range [...]int64{
			int64(at), v.seq - seq, v.at - started, int64(v.Duration),
			v.Operations, v.PeakBytes, v.RequestBytes, v.ResponseBytes,
		} {
			body = binary.AppendVarint(body, n)
		}
		seq, started = v.seq, v.at
	}
	first := g.list[0]
	out := appendTexts([]byte{blockFormat}, first.AppID, first.App, first.ScriptID, first.Script)
	out = binary.AppendUvarint(out, uint64(len(shapes)))
	for _, s := range shapes {
		out = binary.AppendVarint(binary.AppendVarint(out, int64(s.version)), int64(s.httpStatus))
		out = appendTexts(out, string(s.trigger), s.method, s.path)
	}
	return append(binary.AppendUvarint(out, uint64(len(g.list))), body...)
}

func appendTexts(out []byte, texts ...string) []byte {
	for _, s := range texts {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}
	return out
}

var errBlock = errors.New("a block of the history is damaged")

// block is invocations of one script, in the order of their numbers, as they
// are read.
type block []picloud.Invocation

// decodeBlock reads what encode has written.
func decodeBlock(data []byte) (block, error) {
	d := &blockReader{data: data}
	common, shapes := d.head()
	b := make(block, d.count())
	var p place
	for i := range b {
		if d.next(&p, len(shapes)); d.err != nil {
			return nil, d.err
		}
		v, s := &b[i], &shapes[p.shape]
		*v = common
		v.ID = formatID(p.id)
		v.Version, v.Trigger, v.Method, v.Path, v.HTTPStatus = s.version, s.trigger, s.method, s.path, s.httpStatus
		v.Seq, v.StartedAt, v.Duration = p.seq, fromMicros(p.started), time.Duration(p.duration)
		v.Operations, v.PeakBytes, v.RequestBytes, v.ResponseBytes = p.operations, p.peak, p.request, p.response
	}
	return b, d.end()
}

// eachID goes through the ids in a block's data, without making invocations of
// them.
func eachID(data []byte, f func(id [16]byte)) error {
	d := &blockReader{data: data}
	_, shapes := d.head()
	var p place
	for range d.count() {
		if d.next(&p, len(shapes)); d.err != nil {
			return d.err
		}
		f([16]byte(p.id))
	}
	return d.end()
}

// place is what is written of one invocation in a block.
type place struct {
	id                                  []byte // of the block's data
	shape, seq, started, duration       int64
	operations, peak, request, response int64
}

// blockReader reads the parts of a block's data. The first error stays.
type blockReader struct {
	data []byte // what is left
	err  error
}

// head reads what comes before the invocations: what they have in common, and
// their shapes.
func (d *blockReader) head() (picloud.Invocation, []shape) {
	if len(d.data) == 0 || d.data[0] != blockFormat {
		d.err = fmt.Errorf("%w: its format is not known", errBlock)
		return picloud.Invocation{}, nil
	}
	d.data = d.data[1:]
	common := picloud.Invocation{AppID: d.text(), App: d.text(), ScriptID: d.text(), Script: d.text(), Status: picloud.StatusOK}
	shapes := make([]shape, d.count())
	for i := range shapes {
		s := &shapes[i]
		s.version, s.httpStatus = int(d.int()), int(d.int())
		s.trigger, s.method, s.path = picloud.Trigger(d.text()), d.text(), d.text()
	}
	return common, shapes
}

// next reads an invocation; p is the one before it, of which some numbers tell
// the difference.
func (d *blockReader) next(p *place, shapes int) {
	p.id = d.bytes(16)
	p.shape = d.int()
	p.seq += d.int()
	p.started += d.int()
	p.duration, p.operations, p.peak, p.request, p.response = d.int(), d.int(), d.int(), d.int(), d.int()
	if d.err == nil && (p.shape < 0 || p.shape >= int64(shapes)) {
		d.err = errBlock
	}
}

// end is the error, if there was one, or there is more than should be.
func (d *blockReader) end() error {
	if d.err == nil && len(d.data) > 0 {
		d.err = errBlock
	}
	return d.err
}

func (d *blockReader) int() int64 {
	v, n := binary.Varint(d.data)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.data = d.data[n:]
	return v
}

// count reads how many of something follow: each takes a byte at least.
func (d *blockReader) count() int {
	v, n := binary.Uvarint(d.data)
	if n <= 0 || v > uint64(len(d.data)-n) {
		d.fail()
		return 0
	}
	d.data = d.data[n:]
	return int(v)
}

func (d *blockReader) bytes(n int) []byte {
	if n > len(d.data) {
		d.fail()
		return make([]byte, n)
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

func (d *blockReader) text() string { return string(d.bytes(d.count())) }

// fail notes that the data ends too early, and has nothing more read.
func (d *blockReader) fail() {
	d.err = cmp.Or(d.err, errBlock)
	d.data = nil
}

// storedBlock is a block as it is found.
type storedBlock struct {
	last        int64 // number
	invocations block
}

// blocks reads the blocks of a condition; what follows it in SQL may be in it.
func (t *tx) blocks(condition string, args ...any) ([]storedBlock, error) {
	return all(t, func(row scanner) (s storedBlock, err error) {
		var data []byte
		if err := row.Scan(&s.last, &data); err != nil {
			return s, err
		}
		s.invocations, err = decodeBlock(data)
		return s, err
	}, "SELECT last_seq, data FROM blocks WHERE "+condition, args...)
}

// byTime makes a comparison of texts one that the databases have no index for.
// A query that asks for a few seconds as well is then answered from the index
// of times: they would rather read all that there is of an app or a script.
func byTime(comparison string) string { return strings.Replace(comparison, " = ", " || '' = ", 1) }

// packedByID finds a packed invocation of an app or a script; nil if there is
// none.
func (t *tx) packedByID(owner string, ownerID any, id string) (*picloud.Invocation, error) {
	u, ok := parseID(id)
	if !ok {
		return nil, nil
	}
	made, ok := timeOf(u)
	if !ok {
		return nil, nil
	}
	from, to := micros(made.Add(-idSlack)), micros(made.Add(idSlack))
	found, err := all(t, scanBytes, packedAt(owner),
		from, to+maxBlockTime.Microseconds(), to, ownerID)
	if err != nil {
		return nil, err
	}
	for _, data := range found {
		if !bytes.Contains(data, u[:]) {
			continue // most, at a fraction of what reading them costs
		}
		b, err := decodeBlock(data)
		if err != nil {
			return nil, err
		}
		for i := range b {
			if b[i].ID == id {
				return &b[i], nil
			}
		}
	}
	return nil, nil
}

// packedAt looks for the blocks of an app or a script that reach into a moment.
func packedAt(owner string) string {
	return "SELECT data FROM blocks WHERE started_max >= $1 AND started_max <= $2 AND started_min <= $3 AND " + byTime(owner) + "$4"
}

func scanBytes(row scanner) (data []byte, err error) { return data, row.Scan(&data) }

// blockPage is how many blocks are read at once.
const blockPage = 8

// packed lists the packed invocations that q asks for, in its order; at most
// its limit. owner restricts blocks to an app or a script, as a comparison with
// the argument.
func (t *tx) packed(q picloud.RecordQuery, owner string, arg any) ([]picloud.Invocation, error) {
	if q.Invocation != "" {
		v, err := t.packedByID(owner, arg, q.Invocation)
		if v == nil || err != nil {
			return nil, err
		}
		return chosen(q, block{*v}), nil
	}
	var list []picloud.Invocation
	limit := pageSize(q.Limit)
	for cursor := q.After; ; {
		f := filter{}
		f.want(owner, arg)
		if !q.Since.IsZero() {
			f.want("started_max >= ", micros(q.Since))
		}
		page, err := t.blocks(f.blocks(q, cursor), f.args...)
		if err != nil {
			return nil, err
		}
		for _, b := range page {
			if len(list) >= limit && beyond(q, b.last, list[limit-1].Seq) {
				return list[:limit], nil
			}
			list = mergeInvocations(q, list, chosen(q, b.invocations))
			cursor = b.last
		}
		if len(page) < blockPage {
			return list[:min(limit, len(list))], nil
		}
	}
}

// blocks is the end of a query for the next blocks after a cursor.
func (f *filter) blocks(q picloud.RecordQuery, cursor int64) string {
	order := " DESC"
	switch {
	case q.Ascending:
		order = ""
		f.want("last_seq > ", cursor)
	case cursor > 0:
		f.want("last_seq < ", cursor)
	case q.Before > 0:
		f.want("first_seq < ", q.Before)
		f.want("last_seq < ", q.Before+maxSpan)
	}
	return f.where() + " ORDER BY last_seq" + order + " LIMIT " + f.bind(blockPage)
}

// beyond reports whether neither the block that ends with a number nor any
// after it has an invocation that comes before the one with the number seq.
func beyond(q picloud.RecordQuery, last, seq int64) bool {
	if q.Ascending {
		return last-maxSpan > seq
	}
	return last < seq
}

// chosen are the invocations of a block that q asks for.
func chosen(q picloud.RecordQuery, b block) []picloud.Invocation {
	return slices.DeleteFunc(b, func(v picloud.Invocation) bool {
		return v.StartedAt.Before(q.Since) || q.Ascending && v.Seq <= q.After || !q.Ascending && q.Before > 0 && v.Seq >= q.Before
	})
}

// mergeInvocations puts two lists into one, in the order of q.
func mergeInvocations(q picloud.RecordQuery, a, b []picloud.Invocation) []picloud.Invocation {
	a = append(a, b...)
	slices.SortFunc(a, func(x, y picloud.Invocation) int {
		if q.Ascending {
			return cmp.Compare(x.Seq, y.Seq)
		}
		return cmp.Compare(y.Seq, x.Seq)
	})
	return a
}

// pruneBlocks deletes the blocks of a condition on $1.
func (s *Store) pruneBlocks(ctx context.Context, total *picloud.Pruned, condition string, arg int64) error {
	for {
		var counts []int64
		err := s.write(ctx, "prune records", func(tx *tx) (err error) {
			counts, err = all(tx, func(row scanner) (n int64, err error) { return n, row.Scan(&n) },
				"DELETE FROM blocks WHERE first_seq IN (SELECT first_seq FROM blocks WHERE "+condition+" ORDER BY first_seq LIMIT $2) RETURNING invocations",
				arg, pruneChunk)
			return err
		})
		if err != nil {
			return err
		}
		for _, n := range counts {
			total.Invocations += n
		}
		if len(counts) < pruneChunk {
			return nil
		}
	}
}
