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

// packable reports whether an invocation may be packed.
func packable(r *picloud.Record) bool {
	v := &r.Invocation
	if v.Status != picloud.StatusOK || v.Error != nil || v.LogsCut || len(r.Logs) > 0 || v.Journal != picloud.JournalNone {
		return false
	}
	made, ok := idTime(v.ID)
	return ok && made.Sub(v.StartedAt).Abs() <= idSlack
}

// idTime is the time in a UUID of version 7.
func idTime(id string) (time.Time, bool) {
	u, ok := parseID(id)
	if !ok || u[6]>>4 != 7 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(u[:8]) >> 16)), true
}

func parseID(id string) (u [16]byte, ok bool) {
	if picloud.ValidateID("id", id) != nil {
		return u, false
	}
	_, err := hex.Decode(u[:], []byte(id[:8]+id[9:13]+id[14:18]+id[19:23]+id[24:]))
	return u, err == nil
}

func formatID(u []byte) string {
	s := hex.EncodeToString(u)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// block is invocations of one script, in the order of their numbers.
type block []picloud.Invocation

func (b block) times() (first, last int64) {
	first, last = micros(b[0].StartedAt), micros(b[0].StartedAt)
	for i := range b {
		first, last = min(first, micros(b[i].StartedAt)), max(last, micros(b[i].StartedAt))
	}
	return first, last
}

// growing is a block that is being filled, with the times that it reaches.
type growing struct {
	block
	first, last int64
}

// take adds an invocation if it fits.
func (g *growing) take(v picloud.Invocation) bool {
	at := micros(v.StartedAt)
	if len(g.block) == 0 {
		g.block, g.first, g.last = append(g.block, v), at, at
		return true
	}
	first, last := min(g.first, at), max(g.last, at)
	if len(g.block) >= maxBlock || v.Seq-g.block[0].Seq >= maxSpan || last-first > maxBlockTime.Microseconds() {
		return false
	}
	g.block, g.first, g.last = append(g.block, v), first, last
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
func (b block) encode() []byte {
	shapes, index := []shape{}, map[shape]int{}
	var body []byte
	var seq, started int64
	for i := range b {
		v := &b[i]
		s := shape{v.Version, v.Trigger, v.Method, v.Path, v.HTTPStatus}
		at, known := index[s]
		if !known {
			at = len(shapes)
			index[s] = at
			shapes = append(shapes, s)
		}
		u, _ := parseID(v.ID)
		body = append(body, u[:]...)
		for _, n := range [...]int64{
			int64(at), v.Seq - seq, micros(v.StartedAt) - started, int64(v.Duration),
			v.Operations, v.PeakBytes, v.RequestBytes, v.ResponseBytes,
		} {
			body = binary.AppendVarint(body, n)
		}
		seq, started = v.Seq, micros(v.StartedAt)
	}
	out := appendTexts([]byte{blockFormat}, b[0].AppID, b[0].App, b[0].ScriptID, b[0].Script)
	out = binary.AppendUvarint(out, uint64(len(shapes)))
	for _, s := range shapes {
		out = binary.AppendVarint(binary.AppendVarint(out, int64(s.version)), int64(s.httpStatus))
		out = appendTexts(out, string(s.trigger), s.method, s.path)
	}
	return append(binary.AppendUvarint(out, uint64(len(b))), body...)
}

func appendTexts(out []byte, texts ...string) []byte {
	for _, s := range texts {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}
	return out
}

var errBlock = errors.New("a block of the history is damaged")

// decodeBlock reads what encode has written.
func decodeBlock(data []byte) (block, error) {
	d := &blockReader{r: bytes.NewReader(data)}
	if format, err := d.r.ReadByte(); err != nil || format != blockFormat {
		return nil, fmt.Errorf("%w: its format is not known", errBlock)
	}
	common := picloud.Invocation{AppID: d.text(), App: d.text(), ScriptID: d.text(), Script: d.text(), Status: picloud.StatusOK}
	shapes := make([]shape, d.count())
	for i := range shapes {
		s := &shapes[i]
		s.version, s.httpStatus = int(d.int()), int(d.int())
		s.trigger, s.method, s.path = picloud.Trigger(d.text()), d.text(), d.text()
	}
	b := make(block, d.count())
	var seq, started int64
	for i := range b {
		v := &b[i]
		*v = common
		v.ID = formatID(d.bytes(16))
		at := d.int()
		if d.err != nil || at < 0 || at >= int64(len(shapes)) {
			return nil, errBlock
		}
		s := &shapes[at]
		v.Version, v.Trigger, v.Method, v.Path, v.HTTPStatus = s.version, s.trigger, s.method, s.path, s.httpStatus
		seq += d.int()
		started += d.int()
		v.Seq, v.StartedAt, v.Duration = seq, fromMicros(started), time.Duration(d.int())
		v.Operations, v.PeakBytes, v.RequestBytes, v.ResponseBytes = d.int(), d.int(), d.int(), d.int()
	}
	if d.err != nil || d.r.Len() > 0 {
		return nil, errBlock
	}
	return b, nil
}

// blockReader reads the parts of a block's data. The first error stays.
type blockReader struct {
	r   *bytes.Reader
	err error
}

func (d *blockReader) int() int64 {
	n, err := binary.ReadVarint(d.r)
	d.err = cmp.Or(d.err, err)
	return n
}

// count reads how many of something follow: each takes a byte at least.
func (d *blockReader) count() int {
	n, err := binary.ReadUvarint(d.r)
	if d.err = cmp.Or(d.err, err); d.err == nil && n > uint64(d.r.Len()) {
		d.err = errBlock
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

func (d *blockReader) bytes(n int) []byte {
	b := make([]byte, n)
	if n > 0 {
		_, err := d.r.Read(b)
		d.err = cmp.Or(d.err, err)
	}
	return b
}

func (d *blockReader) text() string { return string(d.bytes(d.count())) }

// packer gathers what of a batch is to be packed.
type packer struct {
	tx     *tx
	rows   *recordWriter
	open   map[string]*growing // by script
	filled []block
}

// add takes an invocation, whose number is set.
func (p *packer) add(v picloud.Invocation) {
	v.Method, v.Path = storable(v.Method), storable(v.Path)
	g := p.open[v.ScriptID]
	if g == nil {
		g = &growing{}
		p.open[v.ScriptID] = g
	}
	if !g.take(v) {
		p.filled = append(p.filled, g.block)
		*g = growing{}
		g.take(v)
	}
}

// flush enters the blocks, and those that are too small as rows.
func (p *packer) flush() error {
	blocks := p.filled
	for _, g := range p.open {
		blocks = append(blocks, g.block)
	}
	slices.SortFunc(blocks, func(a, b block) int { return cmp.Compare(a[0].Seq, b[0].Seq) })
	for _, b := range blocks {
		if err := p.enter(b); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) enter(b block) error {
	b, err := p.unknown(b)
	if err != nil {
		return err
	}
	if len(b) < minBlock {
		for i := range b {
			if err := p.rows.add(&picloud.Record{Invocation: b[i]}, b[i].Seq); err != nil {
				return err
			}
		}
		return nil
	}
	first, last := b.times()
	data := b.encode()
	_, err = p.tx.exec(`INSERT INTO blocks (first_seq, last_seq, app_id, script_id, started_min, started_max, invocations, size, data)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, b[0].Seq, b[len(b)-1].Seq, b[0].AppID, b[0].ScriptID,
		first, last, len(b), len(data)+blockOverhead, data)
	return err
}

// unknown drops the invocations that have been entered before, by a try that
// was thought to have failed: packed or, when there were few, as rows.
func (p *packer) unknown(b block) (block, error) {
	first, last := b.times()
	there := map[string]bool{}
	packed, err := p.tx.blocks("script_id = $1 AND started_max >= $2 AND started_max <= $3", b[0].ScriptID, first, last+maxBlockTime.Microseconds())
	if err != nil {
		return nil, err
	}
	for _, old := range packed {
		for i := range old.invocations {
			there[old.invocations[i].ID] = true
		}
	}
	ids, err := all(p.tx, func(row scanner) (id string, err error) { return id, row.Scan(&id) },
		"SELECT id FROM invocations WHERE started_at >= $1 AND started_at <= $2 AND script_id = $3", first, last, b[0].ScriptID)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		there[id] = true
	}
	return slices.DeleteFunc(b, func(v picloud.Invocation) bool { return there[v.ID] }), nil
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

// packedByID finds a packed invocation of an app or a script; nil if there is
// none.
func (t *tx) packedByID(owner string, ownerID any, id string) (*picloud.Invocation, error) {
	made, ok := idTime(id)
	if !ok {
		return nil, nil
	}
	found, err := t.blocks("started_max >= $1 AND started_max <= $2 AND "+owner+"$3",
		micros(made.Add(-idSlack)), micros(made.Add(idSlack+maxBlockTime)), ownerID)
	if err != nil {
		return nil, err
	}
	for _, b := range found {
		for i := range b.invocations {
			if b.invocations[i].ID == id {
				return &b.invocations[i], nil
			}
		}
	}
	return nil, nil
}

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
