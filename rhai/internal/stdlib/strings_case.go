package stdlib

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai/internal/native"
)

func toUpper(c *native.Call) error { return changeCase(c, upper) }
func toLower(c *native.Call) error { return changeCase(c, lower) }

// changeCase bills and stores the text that f makes. Full mappings lengthen a
// text at most threefold.
func changeCase(c *native.Call, f func(string) string) error {
	s := c.Recv.Str()
	if err := c.Env.Charge(1 + len(s)/8); err != nil {
		return err
	}
	if err := c.Heap.Reserve(3 * len(s)); err != nil {
		return err
	}
	t := f(s)
	c.Heap.Refund(3*len(s) - len(t))
	if t == s {
		return c.Return(c.Recv.Share())
	}
	return c.Return(c.Heap.NewString(t))
}

// upper maps each character fully: ß becomes SS.
func upper(s string) string {
	special := strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf && upperLong(r) != "" })
	if special < 0 {
		return strings.ToUpper(s)
	}
	var t strings.Builder
	t.WriteString(strings.ToUpper(s[:special]))
	for _, r := range s[special:] {
		if long := upperLong(r); long != "" {
			t.WriteString(long)
		} else {
			t.WriteRune(unicode.ToUpper(r))
		}
	}
	return t.String()
}

// Σ is ς at the end of a word and σ elsewhere; İ has a dot to keep.
const (
	bigSigma, sigma, finalSigma = 'Σ', 'σ', 'ς'
	bigDottedI                  = 'İ'
)

func lower(s string) string {
	if !strings.ContainsAny(s, string(bigSigma)+string(bigDottedI)) {
		return strings.ToLower(s)
	}
	var t strings.Builder
	for i, r := range s {
		switch r {
		case bigSigma:
			if endsWord(s[:i], s[i+utf8.RuneLen(r):]) {
				t.WriteRune(finalSigma)
			} else {
				t.WriteRune(sigma)
			}
		case bigDottedI:
			t.WriteString("i\u0307")
		default:
			t.WriteRune(unicode.ToLower(r))
		}
	}
	return t.String()
}

// endsWord reports whether a letter between the two texts is the last of a
// word: a letter with case before it and none after it, marks skipped.
func endsWord(before, after string) bool {
	for before != "" {
		r, n := utf8.DecodeLastRuneInString(before)
		if !caseIgnorable(r) {
			if !cased(r) {
				return false
			}
			break
		}
		before = before[:len(before)-n]
	}
	if before == "" {
		return false
	}
	for _, r := range after {
		if !caseIgnorable(r) {
			return !cased(r)
		}
	}
	return true
}

func cased(r rune) bool {
	return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r) || unicode.In(r, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// caseIgnorable is Unicode's Case_Ignorable: marks, modifiers, and what may
// stand inside words.
func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:·\u2018\u2019\u2024\u2027\u0387\u055f\u05f4\ufe13\ufe52\ufe55\uff07\uff0e\uff1a", r)
}
