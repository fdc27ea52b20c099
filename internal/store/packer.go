package store

import (
	"cmp"
	"slices"

	"github.com/picloud/picloud/internal/picloud"
)

// packer gathers what of a batch is to be packed.
type packer struct {
	tx     *tx
	rows   *recordWriter
	fresh  bool                // nothing of the batch can be there already
	open   map[string]*growing // by script
	filled []*growing
}

// add takes an invocation.
func (p *packer) add(v packed) {
	g := p.open[v.ScriptID]
	if g == nil || !g.take(v) {
		if g != nil {
			p.filled = append(p.filled, g)
		}
		g = &growing{}
		p.open[v.ScriptID] = g
		g.take(v)
	}
}

// flush enters the blocks, and those that are too small as rows.
func (p *packer) flush() error {
	blocks := p.filled
	for _, g := range p.open {
		blocks = append(blocks, g)
	}
	slices.SortFunc(blocks, func(a, b *growing) int { return cmp.Compare(a.list[0].seq, b.list[0].seq) })
	for _, g := range blocks {
		if err := p.enter(g); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) enter(g *growing) error {
	if !p.fresh {
		if err := p.dropKnown(g); err != nil {
			return err
		}
	}
	if len(g.list) < minBlock {
		for _, v := range g.list {
			if err := p.rows.add(&picloud.Record{Invocation: *v.Invocation}, v.seq); err != nil {
				return err
			}
		}
		return nil
	}
	for _, v := range g.list {
		p.rows.entered.add(v.Invocation)
	}
	first, last := g.list[0], g.list[len(g.list)-1]
	data := g.encode()
	_, err := p.tx.execOften(`INSERT INTO blocks (first_seq, last_seq, app_id, script_id, started_min, started_max, invocations, size, data)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, first.seq, last.seq, first.AppID, first.ScriptID,
		g.first, g.last, len(g.list), len(data)+blockOverhead, data)
	return err
}

// dropKnown drops the invocations that have been entered before, by a try that
// was thought to have failed: packed or, when there were few, as rows.
func (p *packer) dropKnown(g *growing) error {
	known := map[[16]byte]bool{}
	if err := p.findPacked(g, known); err != nil {
		return err
	}
	if err := p.findRows(g, known); err != nil {
		return err
	}
	if len(known) > 0 {
		g.list = slices.DeleteFunc(g.list, func(v packed) bool { return known[v.id] })
	}
	return nil
}

// packedThen and rowsThen look for what a script did in some seconds.
var (
	packedThen = "SELECT started_max, data FROM blocks WHERE started_max >= $1 AND started_max <= $2 AND started_min <= $3 AND " + byTime("script_id = ") + "$4"
	rowsThen   = "SELECT id FROM invocations WHERE started_at >= $1 AND started_at <= $2 AND " + byTime("script_id = ") + "$3"
)

// findPacked finds those that older blocks hold. As a rule it is the last block
// that reaches into these times a little, because runs do not end in the order in
// which they start.
func (p *packer) findPacked(g *growing, known map[[16]byte]bool) error {
	type older struct {
		last int64
		data []byte
	}
	found, err := all(p.tx, func(row scanner) (o older, err error) { return o, row.Scan(&o.last, &o.data) },
		packedThen,
		g.first, g.last+maxBlockTime.Microseconds(), g.last, g.list[0].ScriptID)
	if err != nil {
		return err
	}
	for _, o := range found {
		mine := map[[16]byte]bool{}
		for i := range g.list {
			if g.list[i].at <= o.last {
				mine[g.list[i].id] = true
			}
		}
		err := eachID(o.data, func(id [16]byte) {
			if mine[id] {
				known[id] = true
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// findRows finds those that have a row.
func (p *packer) findRows(g *growing, known map[[16]byte]bool) error {
	ids, err := all(p.tx, func(row scanner) (id string, err error) { return id, row.Scan(&id) },
		rowsThen, g.first, g.last, g.list[0].ScriptID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if u, ok := parseID(id); ok {
			known[u] = true
		}
	}
	return nil
}
