package value

// Published sizes: what an object is charged, in bytes, besides its payload.
// They are close to what Go allocates, and do not change between platforms, so
// that a script's bill is the same everywhere.
const (
	SizeObject = 48 // any heap object's fixed part
	SizeValue  = 16 // one element of an array, one value of a map
	SizeKey    = 16 // one key of a map, besides its text
)

// smallRequest is the largest allocation that may be charged after the fact
// (Charge). What is larger must ask first (Reserve).
const smallRequest = 4 << 10

// Heap accounts for the memory of one running machine. It does not own the
// memory: Go's collector frees objects. It knows an upper bound of what is
// alive, and has the bound recounted when it reaches the limit.
//
// The zero Heap has no limit. A Heap is not safe for concurrent use.
type Heap struct {
	// Limit is the largest number of bytes that may be alive; 0 is no limit.
	Limit int64
	// Recount walks everything reachable and returns its size. The machine
	// sets it; without it Limit bounds all that was ever allocated.
	Recount func() int64
	// Trip is called when a small allocation passed the limit, so that the
	// machine stops at its next check.
	Trip func()
	// Sizes bounds single values.
	Sizes Sizes
	// Meter bills the copying of shared values and of parts of texts, where no
	// other meter is at hand; nil bills nothing.
	Meter Meter

	used  int64
	peak  int64
	epoch uint32
	todo  []Value // scratch of CheckSize, kept empty
}

// Sizes are the largest sizes of single values, nested content included; 0 is
// no limit. Strings count bytes, arrays elements, maps entries.
type Sizes struct {
	String, Array, Map int
}

// Reset forgets all charges.
func (h *Heap) Reset() { h.used, h.peak = 0, 0 }

// Used is the current charge, an upper bound of what is alive.
func (h *Heap) Used() int64 { return h.used }

// Peak is the highest charge since Reset.
func (h *Heap) Peak() int64 { return max(h.peak, h.used) }

// Charge accounts for n bytes about to be allocated, n being small. Passing
// the limit trips the machine; the allocation itself may go ahead.
func (h *Heap) Charge(n int) {
	h.used += int64(n)
	if h.used > h.Limit && h.Limit > 0 {
		h.over()
	}
}

func (h *Heap) over() {
	if h.Trip != nil {
		h.Trip()
	}
}

// Reserve accounts for n bytes before they are allocated, or fails when they
// do not fit. Every allocation whose size a script can choose comes here
// first.
func (h *Heap) Reserve(n int) error {
	if n <= smallRequest {
		h.Charge(n)
		return nil
	}
	if h.Limit > 0 && h.used+int64(n) > h.Limit && !h.makeRoom(int64(n)) {
		return MemoryLimit(h.Limit)
	}
	h.used += int64(n)
	return nil
}

// Check settles the account when small charges have passed the limit.
func (h *Heap) Check() error {
	if h.Limit > 0 && h.used > h.Limit && !h.makeRoom(0) {
		return MemoryLimit(h.Limit)
	}
	return nil
}

// makeRoom recounts what is alive and reports whether n more bytes fit. The
// count must leave an eighth of the limit free: so each recount is paid for by
// at least that much allocation since the last one.
func (h *Heap) makeRoom(n int64) bool {
	h.peak = max(h.peak, h.used)
	if h.Recount == nil {
		return false
	}
	h.used = h.Recount()
	return h.used+n <= h.Limit-h.Limit/8
}

// Refund takes back a charge for memory that is known to be garbage.
func (h *Heap) Refund(n int) { h.used -= int64(n) }

// ReserveText checks that a text of have bytes may grow by more, before the
// bytes are copied.
func (h *Heap) ReserveText(have, more int) error {
	if err := h.checkString(have + more); err != nil {
		return err
	}
	if h.Limit > 0 && h.used+int64(have+more) > h.Limit && !h.makeRoom(int64(have+more)) {
		return MemoryLimit(h.Limit)
	}
	return nil
}
