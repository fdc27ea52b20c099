package picloud

import (
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"
)

// IDs makes identifiers: UUIDs of version 7 (RFC 9562), whose text sorts in
// the order in which one IDs value made them, even within a millisecond and
// even when the clock is set back. It is safe for concurrent use.
type IDs struct {
	now  func() time.Time
	rand io.Reader

	mu   sync.Mutex
	last uint64 // the 60 bits of time and counter of the last id
	// Randomness is read ahead: asking the system for 8 bytes costs as much as
	// asking for many.
	ahead [512]byte
	left  int // bytes at the end of ahead that no id has used
}

// NewIDs makes a generator from a clock and a source of secure randomness
// (time.Now and crypto/rand.Reader outside of tests).
func NewIDs(now func() time.Time, rand io.Reader) *IDs {
	return &IDs{now: now, rand: rand}
}

// New is a fresh identifier such as "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a".
// It panics when the source of randomness fails, as crypto/rand does.
func (g *IDs) New() string {
	var u [16]byte
	t := g.next(u[8:])
	ms, sub := t>>12, t&0xfff
	u[0], u[1], u[2] = byte(ms>>40), byte(ms>>32), byte(ms>>24)
	u[3], u[4], u[5] = byte(ms>>16), byte(ms>>8), byte(ms)
	u[6], u[7] = 0x70|byte(sub>>8), byte(sub)
	u[8] = 0x80 | u[8]&0x3f
	return formatUUID(u)
}

// next fills a slice with randomness, and is the time as 48 bits of
// milliseconds and 12 bits of their fraction (RFC 9562, section 6.2, method 3),
// moved on by one when the clock has not.
func (g *IDs) next(random []byte) uint64 {
	now := g.now()
	t := uint64(now.UnixMilli())<<12 | uint64(now.Nanosecond()%int(time.Millisecond))*4096/uint64(time.Millisecond)
	g.mu.Lock()
	defer g.mu.Unlock()
	if t <= g.last {
		t = g.last + 1
	}
	g.last = t
	if g.left < len(random) {
		if _, err := io.ReadFull(g.rand, g.ahead[:]); err != nil {
			panic("picloud: read randomness: " + err.Error())
		}
		g.left = len(g.ahead)
	}
	copy(random, g.ahead[len(g.ahead)-g.left:])
	g.left -= len(random)
	return t
}

func formatUUID(u [16]byte) string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// ValidateID refuses what is not a UUID in lower-case canonical form.
func ValidateID(field, id string) error {
	if !isUUID(id) {
		return Invalid(field, "%q is not an identifier (expected a UUID)", clip(id))
	}
	return nil
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// clip shortens what a user sent to what a message can quote.
func clip(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:limit], len(s))
}
