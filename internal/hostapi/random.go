package hostapi

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/picloud/picloud/rhai"
)

// maxRandomBytes bounds one request for randomness.
const maxRandomBytes = 1 << 20

// uuidModule is uuid::v4 and uuid::v7.
func uuidModule() *rhai.Module {
	return rhai.NewModule("uuid").
		Func("v4", nil, func(c *rhai.Call) error {
			u, err := randomBytes(c, 16)
			if err != nil {
				return err
			}
			return returnText(c, uuid(u, 4))
		}, "a random UUID").
		Func("v7", nil, func(c *rhai.Call) error {
			u, err := randomBytes(c, 16)
			if err != nil {
				return err
			}
			var ms [8]byte
			binary.BigEndian.PutUint64(ms[:], uint64(invocation(c).Now().UnixMilli()))
			copy(u, ms[2:])
			return returnText(c, uuid(u, 7))
		}, "a UUID that sorts by the time at which it was made")
}

// uuid writes 16 bytes as a UUID (RFC 9562) of a version.
func uuid(u []byte, version byte) string {
	u[6] = u[6]&0x0f | version<<4
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// randModule is randomness that is fit for secrets: rand::int(from, to) with
// both ends, rand::float() in [0, 1), rand::bool(), rand::bytes(n) and
// rand::string(n) of letters and digits.
func randModule() *rhai.Module {
	return rhai.NewModule("rand").
		Func("int", params(rhai.IntType, rhai.IntType), func(c *rhai.Call) error {
			from, to := number(c, 0), number(c, 1)
			if from > to {
				return c.Fail("there is no integer from %d to %d", from, to)
			}
			n, err := below(c, uint64(to)-uint64(from)+1)
			if err != nil {
				return err
			}
			return c.Return(rhai.Int(int64(uint64(from) + n)))
		}, "an integer from the first to the second, both included").
		Func("float", nil, func(c *rhai.Call) error {
			n, err := below(c, 1<<53)
			if err != nil {
				return err
			}
			return c.Return(rhai.Float(float64(n) / (1 << 53)))
		}, "a number from 0 up to and without 1").
		Func("bool", nil, func(c *rhai.Call) error {
			n, err := below(c, 2)
			if err != nil {
				return err
			}
			return c.Return(rhai.Bool(n == 1))
		}, "true or false").
		Func("bytes", params(rhai.IntType), func(c *rhai.Call) error {
			b, err := randomBytes(c, number(c, 0))
			if err != nil {
				return err
			}
			return returnBytes(c, b)
		}, "a blob of that many bytes").
		Func("string", params(rhai.IntType), func(c *rhai.Call) error {
			// 62 of 256 values repeat four times; the eight left over are
			// drawn again, so that every character is as likely.
			const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			out, err := randomBytes(c, number(c, 0))
			if err != nil {
				return err
			}
			for i := range out {
				for out[i] >= 4*62 {
					if _, err := io.ReadFull(invocation(c).Rand, out[i:i+1]); err != nil {
						return c.Fail("there is no randomness")
					}
				}
				out[i] = letters[out[i]%62]
			}
			return returnText(c, string(out))
		}, "a string of that many letters and digits")
}

// randomBytes makes n random bytes.
func randomBytes(c *rhai.Call, n int64) ([]byte, error) {
	if n < 0 || n > maxRandomBytes {
		return nil, c.Fail("%d random bytes cannot be made (0 to %d)", n, maxRandomBytes)
	}
	if err := c.Charge(20 + int(n)/4); err != nil {
		return nil, err
	}
	if err := c.Room(int(n)); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(invocation(c).Rand, b); err != nil {
		return nil, c.Fail("there is no randomness")
	}
	return b, nil
}

// below is a number in [0, n), each as likely; n of 0 means all 64 bits.
// (Lemire's method: the high word of a product, without the few products that
// would make some numbers more likely.)
func below(c *rhai.Call, n uint64) (uint64, error) {
	for {
		b, err := randomBytes(c, 8)
		if err != nil {
			return 0, err
		}
		x := binary.LittleEndian.Uint64(b)
		if n == 0 {
			return x, nil
		}
		high, low := bits.Mul64(x, n)
		if low >= -n%n {
			return high, nil
		}
	}
}
