package value

import "hash/maphash"

// keyIndex finds the slots of a large map's keys. It is a hash table with
// linear probing that holds no keys of its own, only parts of their hashes,
// and no pointers, so that the collector has nothing to look at. The hash is
// seeded: a script cannot choose keys that collide.
type keyIndex struct {
	seed  maphash.Seed
	slots []uint64 // hash in the high half, slot+1 in the low; 0 is free
	n     int
}

// newKeyIndex makes an index of keys with room for some more.
func newKeyIndex(keys []string) *keyIndex {
	size := 4 * smallMap
	for size < 2*len(keys) {
		size *= 2
	}
	x := &keyIndex{seed: maphash.MakeSeed(), slots: make([]uint64, size)}
	for i, k := range keys {
		x.put(x.hash(k), i)
		x.n++
	}
	return x
}

func (x *keyIndex) hash(k string) uint32 { return uint32(maphash.String(x.seed, k) >> 32) }

// find is the slot of k, or -1.
func (x *keyIndex) find(keys []string, k string) int {
	if at := x.probe(keys, k); at >= 0 {
		return int(uint32(x.slots[at])) - 1
	}
	return -1
}

// probe is the place of k's entry, or -1.
func (x *keyIndex) probe(keys []string, k string) int {
	h, mask := x.hash(k), len(x.slots)-1
	for at := int(h) & mask; ; at = (at + 1) & mask {
		e := x.slots[at]
		if e == 0 {
			return -1
		}
		if uint32(e>>32) == h && keys[uint32(e)-1] == k {
			return at
		}
	}
}

func (x *keyIndex) put(h uint32, i int) {
	mask := len(x.slots) - 1
	at := int(h) & mask
	for x.slots[at] != 0 {
		at = (at + 1) & mask
	}
	x.slots[at] = uint64(h)<<32 | uint64(i+1)
}

// add enters k, which is not there yet, under slot i.
func (x *keyIndex) add(k string, i int) {
	if x.n++; 4*x.n > 3*len(x.slots) {
		old := x.slots
		x.slots = make([]uint64, 2*len(old))
		for _, e := range old {
			if e != 0 {
				x.put(uint32(e>>32), int(uint32(e))-1)
			}
		}
	}
	x.put(x.hash(k), i)
}

// move says that k, which is there, is in slot i now.
func (x *keyIndex) move(keys []string, k string, i int) {
	at := x.probe(keys, k)
	x.slots[at] = x.slots[at]>>32<<32 | uint64(i+1)
}

// remove drops k, which is there, and moves those behind it that would not be
// found any more.
func (x *keyIndex) remove(keys []string, k string) {
	x.n--
	mask := len(x.slots) - 1
	hole := x.probe(keys, k)
	for at := (hole + 1) & mask; x.slots[at] != 0; at = (at + 1) & mask {
		home := int(x.slots[at]>>32) & mask
		if (at-home)&mask >= (at-hole)&mask {
			x.slots[hole], hole = x.slots[at], at
		}
	}
	x.slots[hole] = 0
}
