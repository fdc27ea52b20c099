package hostapi

import (
	"encoding/hex"

	"github.com/picloud/picloud/rhai"
)

// hexModule is hex::encode and hex::decode.
func hexModule() *rhai.Module {
	return rhai.NewModule("hex").
		Func("encode", params(textOrBlob()), func(c *rhai.Call) error {
			n := size(c, 0)
			if err := work(c, n, 2*n); err != nil {
				return err
			}
			return returnText(c, hex.EncodeToString(data(c, 0)))
		}, "lower-case hexadecimal").
		Func("decode", params(rhai.StringType), func(c *rhai.Call) error {
			s := text(c, 0)
			if err := work(c, len(s), len(s)/2); err != nil {
				return err
			}
			b, err := hex.DecodeString(s)
			if err != nil {
				return c.Fail("%q is not hexadecimal", clip(s))
			}
			return returnBytes(c, b)
		}, "the bytes as a blob")
}
