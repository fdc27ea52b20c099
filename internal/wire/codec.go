package wire

import (
	"encoding/binary"
	"math"
	"net/http"
	"time"
)

func appendInt(b []byte, n int64) []byte { return binary.AppendVarint(b, n) }

func appendCount(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

func appendText(b []byte, s string) []byte { return append(appendCount(b, len(s)), s...) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendTime keeps the instant to the nanosecond, not the zone.
func appendTime(b []byte, t time.Time) []byte {
	return appendCount(appendInt(b, t.Unix()), t.Nanosecond())
}

// appendHeader tells a nil header from an empty one.
func appendHeader(b []byte, h http.Header) []byte {
	b = appendBool(b, h != nil)
	if h == nil {
		return b
	}
	fields := 0
	for _, values := range h {
		fields += len(values)
	}
	b = appendCount(appendCount(b, len(h)), fields)
	for name, values := range h {
		b = appendCount(appendText(b, name), len(values))
		for _, v := range values {
			b = appendText(b, v)
		}
	}
	return b
}

// appendStrings tells a nil map from an empty one.
func appendStrings(b []byte, m map[string]string) []byte {
	b = appendBool(b, m != nil)
	if m == nil {
		return b
	}
	b = appendCount(b, len(m))
	for name, value := range m {
		b = appendText(appendText(b, name), value)
	}
	return b
}

// decoder reads what the functions above have written. The first error stays,
// and everything read after it is zero. Texts share the memory of what is
// decoded.
type decoder struct {
	s   string
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = broken(format, args...)
	}
	d.s = ""
}

// done is the error, if only that something is left.
func (d *decoder) done() error {
	if d.err == nil && d.s != "" {
		d.fail("%d bytes too many", len(d.s))
	}
	return d.err
}

func (d *decoder) uint() uint64 {
	var n uint64
	for i := range len(d.s) {
		c := d.s[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.s = d.s[i+1:]
			return n
		}
	}
	d.fail("a number has no end")
	return 0
}

func (d *decoder) int() int64 {
	n := d.uint()
	return int64(n>>1) ^ -int64(n&1)
}

// small is an int of at most 32 bits, for what is an int here.
func (d *decoder) small() int {
	n := d.int()
	if n < math.MinInt32 || n > math.MaxInt32 {
		d.fail("the number %d is out of range", n)
		return 0
	}
	return int(n)
}

func (d *decoder) bool() bool {
	if d.s == "" || d.s[0] > 1 {
		d.fail("a byte that is neither 0 nor 1")
		return false
	}
	v := d.s[0] == 1
	d.s = d.s[1:]
	return v
}

// count is a number of things that take at least so many bytes each: there
// cannot be more of them than fit in what is left.
func (d *decoder) count(least int) int {
	n := d.uint()
	if n > uint64(len(d.s)/least) {
		d.fail("a count of %d in %d bytes", n, len(d.s))
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count(1)
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

func (d *decoder) time() time.Time {
	seconds, nanos := d.int(), d.uint()
	if nanos >= uint64(time.Second) {
		d.fail("a time of %d nanoseconds", nanos)
		return time.Time{}
	}
	if t := time.Unix(seconds, int64(nanos)); !t.IsZero() {
		return t
	}
	return time.Time{} // without a zone, as it was
}

// header reads a header of at most so many fields.
func (d *decoder) header(most int) http.Header {
	if !d.bool() {
		return nil
	}
	names, fields := d.count(2), d.count(1)
	if names > most || fields > most {
		d.fail("a header of %d fields, at most %d are allowed", max(names, fields), most)
		return nil
	}
	h := make(http.Header, names)
	values := make([]string, 0, fields) // of all fields
	for range names {
		name, n := d.text(), d.count(1)
		if n > fields-len(values) {
			d.fail("a header of more fields than it said")
		}
		if d.err != nil {
			return nil
		}
		from := len(values)
		for range n {
			values = append(values, d.text())
		}
		h[name] = values[from:len(values):len(values)]
	}
	return h
}

// strings reads a map of at most so many entries.
func (d *decoder) strings(most int) map[string]string {
	if !d.bool() {
		return nil
	}
	n := d.count(2)
	if n > most {
		d.fail("a map of %d entries, at most %d are allowed", n, most)
		return nil
	}
	m := make(map[string]string, n)
	for range n {
		name := d.text()
		m[name] = d.text()
	}
	return m
}
