package stdlib

import (
	"bytes"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func blobs(r *native.Registry) {
	property(r, def("len(blob)", "The number of bytes.", blobLen, blob))
	property(r, def("is_empty(blob)", "Whether the blob has no bytes.", blobEmpty, blob))
	r.Add(
		def("blob()", "An empty blob.", newBlob),
		def("blob(length)", "A blob of zero bytes.", newBlob, integer),
		def("blob(length, byte)", "A blob of equal bytes.", newBlob, integer, integer),
		def("to_array(blob)", "The bytes as an array of numbers.", blobToArray, blob),
		def("as_string(blob)", "The bytes as text; what is not UTF-8 becomes U+FFFD.", blobAsString, blob),
		def("contains(blob, byte)", "Whether a byte is in the blob.", blobContains, blob, integer),
		def("get(blob, index)", "The byte at a position, negative ones counting from the end; 0 behind the end.", blobGet, blob, integer),
		mutating("set(blob, index, byte)", "Replaces a byte; does nothing behind the end.", blobSet, blob, integer, integer),
		mutating("push(blob, byte)", "Adds a byte at the end.", blobAppendByte, blob, integer),
		mutating("append(blob, byte)", "Adds a byte at the end.", blobAppendByte, blob, integer),
		mutating("append(blob, text)", "Adds the UTF-8 bytes of a text at the end.", blobAppendText, blob, textual),
		mutating("append(blob, other)", "Adds the bytes of another blob at the end.", blobAppend, blob, blob),
		mutating("insert(blob, index, byte)", "Adds a byte before a position.", blobInsert, blob, integer, integer),
		mutating("pad(blob, length, byte)", "Fills the blob up to a length with a byte.", blobPad, blob, integer, integer),
		mutating("pop(blob)", "Removes the last byte and returns it, or 0 when there is none.", blobPop, blob),
		mutating("shift(blob)", "Removes the first byte and returns it, or 0 when there is none.", blobShift, blob),
		mutating("remove(blob, index)", "Removes the byte at a position and returns it, or 0 when there is none.", blobRemove, blob, integer),
		mutating("clear(blob)", "Removes all bytes.", blobClear, blob),
		mutating("reverse(blob)", "Turns the order of the bytes round.", blobReverse, blob),
		mutating("truncate(blob, length)", "Keeps the first `length` bytes.", blobTruncate, blob, integer),
		mutating("chop(blob, length)", "Keeps the last `length` bytes.", blobChop, blob, integer),
	)
	blobParts(r)
	blobNumbers(r)
}

// ownedBlob is the receiver, safe to change.
func ownedBlob(c *native.Call) (*value.Blob, error) { return c.Heap.OwnBlob(c.Recv) }

// blobGrowTo asks for leave to make a blob of n bytes.
func blobGrowTo(c *native.Call, n int64) error {
	limit := int64(maxElems)
	if c.Heap.Sizes.Array > 0 {
		limit = int64(c.Heap.Sizes.Array)
	}
	if n > limit {
		return value.TooLarge("blob", int(limit))
	}
	return chargeBytes(c, int(n))
}

// makeBlob allocates room for n bytes, length 0.
func makeBlob(c *native.Call, n int) ([]byte, error) {
	if err := c.Heap.Reserve(n); err != nil {
		return nil, err
	}
	return make([]byte, 0, n), nil
}

func newBlob(c *native.Call) error {
	n, fill := int64(0), byte(0)
	if c.Recv != nil {
		n = max(c.Recv.Int(), 0)
	}
	if len(c.Rest) > 0 {
		fill = byte(c.Rest[0].Int())
	}
	if err := blobGrowTo(c, n); err != nil {
		return err
	}
	b, err := makeBlob(c, int(n))
	if err != nil {
		return err
	}
	return c.Return(c.Heap.NewBlob(appendFill(b, int(n), fill)))
}

func appendFill(b []byte, n int, fill byte) []byte {
	at := len(b)
	b = b[:at+n]
	if rest := b[at:]; fill != 0 {
		for i := range rest {
			rest[i] = fill
		}
	} else {
		clear(rest)
	}
	return b
}

func blobToArray(c *native.Call) error {
	b := c.Recv.Blob().B
	if err := c.Env.Charge(len(b)); err != nil {
		return err
	}
	out, err := c.Heap.MakeElems(len(b))
	if err != nil {
		return err
	}
	for _, x := range b {
		out = append(out, value.Int(int64(x)))
	}
	return c.Return(c.Heap.NewArray(out))
}

func blobAsString(c *native.Call) error {
	b := c.Recv.Blob().B
	room := len(b)
	if !utf8.Valid(b) {
		room *= len("\uFFFD") // for each byte, at worst
	}
	if err := chargeBytes(c, room); err != nil {
		return err
	}
	if err := c.Heap.Reserve(room); err != nil {
		return err
	}
	s := value.LossyUTF8(b)
	c.Heap.Refund(room - len(s))
	return c.Return(c.Heap.NewString(s))
}

func blobLen(c *native.Call) error { return c.Return(value.Int(int64(len(c.Recv.Blob().B)))) }

func blobEmpty(c *native.Call) error { return c.Return(value.Bool(len(c.Recv.Blob().B) == 0)) }

func blobContains(c *native.Call) error {
	b := c.Recv.Blob().B
	if err := chargeBytes(c, len(b)); err != nil {
		return err
	}
	return c.Return(value.Bool(bytes.IndexByte(b, byte(c.Rest[0].Int())) >= 0))
}

func blobGet(c *native.Call) error {
	b := c.Recv.Blob().B
	x := byte(0)
	if i, _ := offset(len(b), c.Rest[0].Int(), 0); i < len(b) {
		x = b[i]
	}
	return c.Return(value.Int(int64(x)))
}

func blobSet(c *native.Call) error {
	i, _ := offset(len(c.Recv.Blob().B), c.Rest[0].Int(), 0)
	if i == len(c.Recv.Blob().B) {
		return nil
	}
	b, err := ownedBlob(c)
	if err != nil {
		return err
	}
	b.B[i] = byte(c.Rest[1].Int())
	return nil
}

func blobAppendByte(c *native.Call) error {
	return c.Heap.AppendBlob(c.Env, c.Recv, string([]byte{byte(c.Rest[0].Int())}))
}

func blobAppendText(c *native.Call) error {
	var buf char1
	return c.Heap.AppendBlob(c.Env, c.Recv, textOf(c.Rest[0], &buf))
}

func blobAppend(c *native.Call) error {
	more := c.Rest[0].Blob().B
	return replaceBytes(c, len(c.Recv.Blob().B), 0, more)
}

func blobInsert(c *native.Call) error {
	i, _ := offset(len(c.Recv.Blob().B), c.Rest[0].Int(), 0)
	return replaceBytes(c, i, 0, []byte{byte(c.Rest[1].Int())})
}

func blobPad(c *native.Call) error {
	have, n := len(c.Recv.Blob().B), c.Rest[0].Int()
	if n <= 0 {
		return nil
	}
	if err := blobGrowTo(c, n); err != nil || n <= int64(have) {
		return err
	}
	b, err := ownedBlob(c)
	if err != nil {
		return err
	}
	if err := growBlob(c, b, int(n)-have); err != nil {
		return err
	}
	b.B = appendFill(b.B, int(n)-have, byte(c.Rest[1].Int()))
	return nil
}

// growBlob makes room for n more bytes.
func growBlob(c *native.Call, b *value.Blob, n int) error {
	need := len(b.B) + n
	if need <= cap(b.B) {
		return nil
	}
	room := max(need, 16, cap(b.B)+cap(b.B)/2)
	if err := c.Heap.Reserve(room); err != nil {
		return err
	}
	c.Heap.Refund(cap(b.B))
	b.B = append(make([]byte, 0, room), b.B...)
	return nil
}

func blobPop(c *native.Call) error { return takeByte(c, len(c.Recv.Blob().B)-1) }

func blobShift(c *native.Call) error { return takeByte(c, 0) }

func blobRemove(c *native.Call) error {
	i, ok := value.StrictIndex(len(c.Recv.Blob().B), c.Rest[0].Int())
	if !ok {
		i = -1
	}
	return takeByte(c, i)
}

// takeByte removes the byte at i and returns it, or 0 when there is none.
func takeByte(c *native.Call, i int) error {
	if i < 0 || i >= len(c.Recv.Blob().B) {
		return c.Return(value.Int(0))
	}
	c.Result = value.Int(int64(c.Recv.Blob().B[i]))
	return replaceBytes(c, i, 1, nil)
}

func blobClear(c *native.Call) error {
	tag := c.Recv.Ref.Tag
	*c.Recv = c.Heap.NewBlob(nil)
	c.Recv.Ref.Tag = tag
	return nil
}

func blobReverse(c *native.Call) error {
	if err := chargeBytes(c, len(c.Recv.Blob().B)); err != nil {
		return err
	}
	b, err := ownedBlob(c)
	if err != nil {
		return err
	}
	for i, j := 0, len(b.B)-1; i < j; i, j = i+1, j-1 {
		b.B[i], b.B[j] = b.B[j], b.B[i]
	}
	return nil
}

func blobTruncate(c *native.Call) error {
	have, n := len(c.Recv.Blob().B), max(c.Rest[0].Int(), 0)
	if n >= int64(have) {
		return nil
	}
	return replaceBytes(c, int(n), have-int(n), nil)
}

func blobChop(c *native.Call) error {
	have, n := len(c.Recv.Blob().B), max(c.Rest[0].Int(), 0)
	if n >= int64(have) {
		return nil
	}
	return replaceBytes(c, 0, have-int(n), nil)
}

// replaceBytes replaces n bytes of the receiver at position at by more.
func replaceBytes(c *native.Call, at, n int, more []byte) error {
	have := len(c.Recv.Blob().B)
	d := len(more) - n
	if d > 0 {
		if err := blobGrowTo(c, int64(have+d)); err != nil {
			return err
		}
	}
	if err := chargeBytes(c, have-at); err != nil {
		return err
	}
	b, err := ownedBlob(c)
	if err != nil {
		return err
	}
	if err := growBlob(c, b, max(d, 0)); err != nil {
		return err
	}
	if d > 0 {
		b.B = b.B[:have+d]
	}
	copy(b.B[at+len(more):], b.B[at+n:have])
	copy(b.B[at:], more)
	b.B = b.B[:have+d]
	return nil
}
