package code

import (
	"strconv"

	"github.com/picloud/picloud/rhai/internal/value"
)

// KeyOf is the key under which switch looks for v. ok is false for values that
// no case can name.
func KeyOf(v value.Value) (k SwitchKey, ok bool) {
	v = v.Plain()
	switch v.Kind() {
	case value.KUnit, value.KBool, value.KInt, value.KFloat, value.KChar:
		return SwitchKey{Kind: v.Kind(), Bits: v.Bits}, true
	case value.KString:
		return SwitchKey{Kind: value.KString, Text: v.Str()}, true
	case value.KArray, value.KMap:
		text, ok := appendKey(nil, v, maxKeyText)
		return SwitchKey{Kind: v.Kind(), Text: string(text)}, ok
	}
	return SwitchKey{}, false
}

// maxKeyText bounds the work for arrays and maps: no case literal is larger.
const maxKeyText = 4 << 10

func appendKey(b []byte, v value.Value, limit int) ([]byte, bool) {
	if len(b) > limit {
		return b, false
	}
	v = v.Plain()
	b = append(b, 'A'+byte(v.Kind()))
	ok := true
	switch v.Kind() {
	case value.KUnit:
	case value.KBool, value.KInt, value.KFloat, value.KChar:
		b = strconv.AppendUint(b, v.Bits, 16)
	case value.KString:
		if len(v.Str()) > limit {
			return b, false
		}
		b = strconv.AppendQuote(b, v.Str())
	case value.KArray:
		for _, x := range v.Array().E {
			if b, ok = appendKey(b, x, limit); !ok {
				return b, false
			}
		}
	case value.KMap:
		for k, x := range v.Map().All() {
			b = strconv.AppendQuote(b, k)
			if b, ok = appendKey(b, x, limit); !ok {
				return b, false
			}
		}
	default:
		return b, false
	}
	return append(b, ';'), true
}
