package value

// intBits is the number of bits that an integer can be indexed by.
const intBits = 64

// bitIndex resolves the index of one bit; a negative one counts from the
// highest.
func bitIndex(idx Value) (uint, error) {
	if !idx.IsInt() {
		return 0, Mismatch("i64", idx.TypeName())
	}
	i, ok := StrictIndex(intBits, idx.Int())
	if !ok {
		return 0, BitBounds(idx.Int())
	}
	return uint(i), nil
}

// bitField is some neighbouring bits of an integer.
type bitField struct {
	mask  int64 // of the field in its place
	shift uint
}

// fieldOf is the field that a range of bits stands for. Its ends must be
// inside and do not count from the end; an open end is the highest bit. A
// range that ends before it starts is a field of no bits.
func fieldOf(r *Range) (bitField, error) {
	start, end := r.Start, r.End
	switch {
	case end == maxInt:
		end = intBits
	case r.Inclusive && end >= 0 && end < intBits:
		end++
	case r.Inclusive:
		end = -1
	}
	if start < 0 || start >= intBits {
		return bitField{}, BitBounds(start)
	}
	if end < 0 || end > intBits {
		return bitField{}, BitBounds(r.End)
	}
	if end <= start {
		return bitField{}, nil
	}
	ones := ^uint64(0) >> uint(intBits-(end-start))
	return bitField{mask: int64(ones << uint(start)), shift: uint(start)}, nil
}

// read is the number in field f of x. As in native Rhai the highest bit of x
// is a sign, also when only a part of x is read.
func (f bitField) read(x int64) int64 { return (x & f.mask) >> f.shift }

func (f bitField) write(x, bits int64) int64 { return x&^f.mask | (bits<<f.shift)&f.mask }

// setBits stores a bool in one bit or an integer in a range of bits.
func setBits(recv *Value, idx, v Value) error {
	if idx.Is(KRange) {
		f, err := fieldOf(idx.Range())
		if err != nil {
			return err
		}
		if !v.IsInt() {
			return valueMismatch("i64", v)
		}
		recv.SetInt(f.write(recv.Int(), v.Int()))
		return nil
	}
	bit, err := bitIndex(idx)
	if err != nil {
		return err
	}
	if !v.IsBool() {
		return valueMismatch("bool", v)
	}
	recv.SetInt(int64(recv.Bits&^(1<<bit) | v.Bits<<bit))
	return nil
}
