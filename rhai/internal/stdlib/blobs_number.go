package stdlib

import (
	"encoding/binary"
	"math"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// blobNumbers registers what reads and writes numbers and text inside blobs.
func blobNumbers(r *native.Registry) {
	for _, f := range []struct {
		name, doc string
		call      func(*native.Call) error
	}{
		{"parse_le_int", "The integer in up to 8 bytes, lowest first.", parseLEInt},
		{"parse_be_int", "The integer in up to 8 bytes, highest first.", parseBEInt},
		{"parse_le_float", "The float in up to 8 bytes, lowest first.", parseLEFloat},
		{"parse_be_float", "The float in up to 8 bytes, highest first.", parseBEFloat},
	} {
		r.Add(
			def(f.name+"(blob, start, count)", f.doc, f.call, blob, integer, integer),
			def(f.name+"(blob, range)", f.doc, f.call, blob, rangeOf),
		)
	}
	for _, f := range []struct {
		name, doc, what string
		call            func(*native.Call) error
		kind            value.Kinds
	}{
		{"write_le", "Stores the first bytes of a number's 8, lowest first.", "number", writeLE, number},
		{"write_be", "Stores the first bytes of a number's 8, highest first.", "number", writeBE, number},
		{"write_utf8", "Stores the first bytes of a text.", "text", writeUTF8, text},
		{"write_ascii", "Stores the first ASCII characters of a text.", "text", writeASCII, text},
	} {
		r.Add(
			mutating(f.name+"(blob, start, count, "+f.what+")", f.doc, f.call, blob, integer, integer, f.kind),
			mutating(f.name+"(blob, range, "+f.what+")", f.doc, f.call, blob, rangeOf, f.kind),
		)
	}
}

// wordBytes is the size of an encoded integer or float.
const wordBytes = 8

// word is the bytes that the arguments select, filled up with zeros at the
// end: so a short number in big-endian order is read as if shifted up.
func word(c *native.Call) (w [wordBytes]byte) {
	b := c.Recv.Blob().B
	at, n, _ := span(c, len(b))
	copy(w[:], b[at:at+n])
	return w
}

func littleEndian(w [wordBytes]byte) uint64 { return binary.LittleEndian.Uint64(w[:]) }
func bigEndian(w [wordBytes]byte) uint64    { return binary.BigEndian.Uint64(w[:]) }

func parseLEInt(c *native.Call) error { return c.Return(value.Int(int64(littleEndian(word(c))))) }
func parseBEInt(c *native.Call) error { return c.Return(value.Int(int64(bigEndian(word(c))))) }

func parseLEFloat(c *native.Call) error {
	return c.Return(value.Float(math.Float64frombits(littleEndian(word(c)))))
}

func parseBEFloat(c *native.Call) error {
	return c.Return(value.Float(math.Float64frombits(bigEndian(word(c)))))
}

// writeLE and writeBE store the payload of the number: the two's complement of
// an integer, the IEEE 754 form of a float.
func writeLE(c *native.Call) error {
	var w [wordBytes]byte
	binary.LittleEndian.PutUint64(w[:], c.Rest[len(c.Rest)-1].Bits)
	return overwrite(c, w[:])
}

func writeBE(c *native.Call) error {
	var w [wordBytes]byte
	binary.BigEndian.PutUint64(w[:], c.Rest[len(c.Rest)-1].Bits)
	return overwrite(c, w[:])
}

// overwrite stores as much of data as fits into the part that the arguments
// select.
func overwrite[T []byte | string](c *native.Call, data T) error {
	at, n, _ := span(c, len(c.Recv.Blob().B))
	n = min(n, len(data))
	if err := chargeBytes(c, n); err != nil || n == 0 {
		return err
	}
	b, err := ownedBlob(c)
	if err != nil {
		return err
	}
	copy(b.B[at:at+n], data)
	return nil
}

func writeUTF8(c *native.Call) error { return overwrite(c, c.Rest[len(c.Rest)-1].Str()) }

// writeASCII leaves out characters other than ASCII.
func writeASCII(c *native.Call) error {
	s := c.Rest[len(c.Rest)-1].Str()
	if err := chargeText(c, s); err != nil {
		return err
	}
	at, n, _ := span(c, len(c.Recv.Blob().B))
	if n == 0 || s == "" {
		return nil
	}
	b, err := ownedBlob(c)
	if err != nil {
		return err
	}
	dst := b.B[at : at+n]
	for i := 0; i < len(s) && len(dst) > 0; i++ {
		if s[i] < 0x80 {
			dst[0], dst = s[i], dst[1:]
		}
	}
	return nil
}
