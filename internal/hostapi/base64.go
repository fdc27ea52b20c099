package hostapi

import (
	"encoding/base64"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// base64Module is base64::encode, encode_url (without padding) and decode.
func base64Module() *rhai.Module {
	return rhai.NewModule("base64").
		Func("encode", params(textOrBlob()), encodeWith(base64.StdEncoding), "standard base64").
		Func("encode_url", params(textOrBlob()), encodeWith(base64.RawURLEncoding), "base64 for URLs, without padding").
		Func("decode", params(rhai.StringType), func(c *rhai.Call) error {
			s := text(c, 0)
			if err := work(c, 2*len(s), base64.StdEncoding.DecodedLen(len(s))); err != nil {
				return err
			}
			b, err := decodeBase64(s)
			if err != nil {
				return c.Fail("%q is not base64", clip(s))
			}
			return returnBytes(c, b)
		}, "the bytes as a blob; reads the standard and the URL alphabet, padded or not")
}

func encodeWith(enc *base64.Encoding) func(*rhai.Call) error {
	return func(c *rhai.Call) error {
		n := size(c, 0)
		if err := work(c, n, enc.EncodedLen(n)); err != nil {
			return err
		}
		return returnText(c, enc.EncodeToString(data(c, 0)))
	}
}

var toStandard = strings.NewReplacer("-", "+", "_", "/")

func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(toStandard.Replace(s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}
