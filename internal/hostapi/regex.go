package hostapi

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai"
)

// maxRegexWork bounds the bytes of a text times the size of a pattern that is
// looked for in it: a search cannot be interrupted, and this much takes a
// second or so.
const maxRegexWork = 100 << 20

// maxMatches bounds what find_all, replace and split make in one call.
const maxMatches = 100_000

// regexModule is regular expressions in RE2's syntax, without backreferences:
// a pattern comes first, then the text.
func regexModule() *rhai.Module {
	two := params(rhai.StringType, rhai.StringType)
	return rhai.NewModule("regex").
		Func("is_match", two, func(c *rhai.Call) error {
			s, err := newSearch(c)
			if err != nil {
				return err
			}
			return c.Return(rhai.Bool(s.p.re.MatchString(s.text)))
		}, "whether the pattern is found").
		Func("find", two, func(c *rhai.Call) error {
			s, err := newSearch(c)
			if err != nil {
				return err
			}
			loc := s.p.re.FindStringIndex(s.text)
			if loc == nil {
				return nil
			}
			return returnText(c, s.text[loc[0]:loc[1]])
		}, "the first match, or ()").
		Func("find_all", two, findAll, "all matches").
		Func("captures", two, captures, "the first match and its groups as an array, () for a group that took no part; or ()").
		Func("named_captures", two, namedCaptures, "the named groups of the first match as a map; or ()").
		Func("replace", params(rhai.StringType, rhai.StringType, rhai.StringType), replace, "the text with every match replaced; $1 and ${name} are groups, $$ is $").
		Func("split", two, split, "the text between the matches")
}

// search is a pattern on its way through a text.
type search struct {
	c     *rhai.Call
	p     *pattern
	text  string
	at    int // where the next match may begin
	last  int // where the one before ended, -1 before the first
	found int
}

// newSearch reads pattern and text from the first two arguments and bills the
// way to the end of the text.
func newSearch(c *rhai.Call) (*search, error) {
	source := text(c, 0)
	if err := c.Charge(100 + len(source)); err != nil {
		return nil, err
	}
	p, err := invocation(c).Patterns.compile(source)
	if err != nil {
		return nil, err
	}
	s := &search{c: c, p: p, text: text(c, 1), last: -1}
	if len(s.text) > maxRegexWork/p.size {
		return nil, c.Fail("the text is too long for this regular expression: %d bytes", len(s.text))
	}
	return s, c.Charge(len(s.text) * p.size / bytesPerOperation)
}

// next finds the next match, as FindStringSubmatchIndex tells it; nil when
// there is none. As in the regexp package an empty match right after another
// match does not count.
func (s *search) next() ([]int, error) {
	for s.at <= len(s.text) {
		loc, err := s.find()
		if err != nil {
			return nil, err
		}
		if loc == nil {
			s.at = len(s.text) + 1
			return nil, nil
		}
		start, end := loc[0], loc[1]
		s.at = end
		if start == end {
			_, width := utf8.DecodeRuneInString(s.text[end:])
			s.at = end + max(width, 1)
			if end == s.last {
				continue
			}
		}
		s.last = end
		if s.found++; s.found > maxMatches {
			return nil, s.c.Fail("the regular expression matches more than %d times", maxMatches)
		}
		return loc, nil
	}
	return nil, nil
}

// find is the first match that begins at s.at or after it.
//
// Looking for one match takes time in proportion to the text, but looking for
// all may take it again for each one: a.*b|a in a text of many a looks to the
// end each time. So after the first one, unless the text is short, what the
// search reads is billed as it reads it, and the search ends with the bill.
func (s *search) find() ([]int, error) {
	re, from, groups := s.p.re, s.at, 0
	if s.at > 0 && s.p.middle != nil {
		_, width := utf8.DecodeLastRuneInString(s.text[:s.at])
		re, from, groups = s.p.middle, s.at-width, 1 // the first group is the pattern
	}
	if s.at == 0 || len(s.text) < shortText/len(s.text)/s.p.size {
		if err := s.c.Charge(s.p.size); err != nil {
			return nil, err
		}
		return located(re.FindStringSubmatchIndex(s.text[from:]), groups, from), nil
	}
	m := &meter{search: s, rest: s.text[from:]}
	loc := re.FindReaderSubmatchIndex(m)
	if err := m.bill(); err != nil {
		return nil, err
	}
	return located(loc, groups, from), nil
}

// shortText bounds the square of a text's length times the pattern's size for
// which not to count what a search reads: counting makes it slower.
const shortText = 20 << 20

// meter hands out a text and bills what is read of it.
type meter struct {
	*search
	rest   string
	unpaid int
	err    error
}

// ReadRune implements [io.RuneReader].
func (m *meter) ReadRune() (rune, int, error) {
	if m.unpaid >= 256 && m.bill() != nil || m.rest == "" {
		return 0, 0, io.EOF
	}
	r, width := utf8.DecodeRuneInString(m.rest)
	m.rest = m.rest[width:]
	m.unpaid += width
	return r, width, nil
}

// bill charges what was read since the last bill. An error stays.
func (m *meter) bill() error {
	if m.err == nil {
		m.err = m.c.Charge(1 + m.unpaid*m.p.size/bytesPerOperation)
		m.unpaid = 0
	}
	return m.err
}

// located moves a match to where it is in the whole text, and drops the groups
// before the pattern.
func located(loc []int, groups, by int) []int {
	if loc == nil {
		return nil
	}
	return shift(loc[2*groups:], by)
}

func shift(loc []int, by int) []int {
	for i := range loc {
		if loc[i] >= 0 {
			loc[i] += by
		}
	}
	return loc
}

func findAll(c *rhai.Call) error {
	s, err := newSearch(c)
	if err != nil {
		return err
	}
	var out []rhai.Value
	for {
		loc, err := s.next()
		if err != nil {
			return err
		}
		if loc == nil {
			break
		}
		if out, err = s.append(out, loc[0], loc[1]); err != nil {
			return err
		}
	}
	return s.returnArray(out)
}

// append adds a piece of the text to a list.
func (s *search) append(list []rhai.Value, from, to int) ([]rhai.Value, error) {
	if err := work(s.c, 0, to-from+perField+16*len(list)); err != nil {
		return nil, err
	}
	v, err := s.c.String(s.text[from:to])
	return append(list, v), err
}

func (s *search) returnArray(list []rhai.Value) error {
	v, err := s.c.Array(list)
	if err != nil {
		return err
	}
	return s.c.Return(v)
}

func captures(c *rhai.Call) error {
	s, err := newSearch(c)
	if err != nil {
		return err
	}
	loc, err := s.next()
	if err != nil || loc == nil {
		return err
	}
	var out []rhai.Value
	for i := 0; i < len(loc); i += 2 {
		if loc[i] < 0 {
			out = append(out, rhai.Unit())
			continue
		}
		if out, err = s.append(out, loc[i], loc[i+1]); err != nil {
			return err
		}
	}
	return s.returnArray(out)
}

func namedCaptures(c *rhai.Call) error {
	s, err := newSearch(c)
	if err != nil {
		return err
	}
	loc, err := s.next()
	if err != nil || loc == nil {
		return err
	}
	b := c.NewMap()
	for i, name := range s.p.re.SubexpNames() {
		if name == "" {
			continue
		}
		v := rhai.Unit()
		if from, to := loc[2*i], loc[2*i+1]; from >= 0 {
			if err := work(c, 0, to-from); err != nil {
				return err
			}
			if v, err = c.String(s.text[from:to]); err != nil {
				return err
			}
		}
		if err := b.Set(name, v); err != nil {
			return err
		}
	}
	return c.Return(b.Value())
}

func replace(c *rhai.Call) error {
	s, err := newSearch(c)
	if err != nil {
		return err
	}
	with := text(c, 2)
	var out []byte
	done := 0
	for {
		loc, err := s.next()
		if err != nil {
			return err
		}
		if loc == nil {
			break
		}
		// Each $ can bring in the longest group, which is the whole match at
		// most.
		n := loc[0] - done + len(with) + strings.Count(with, "$")*(loc[1]-loc[0])
		if err := work(c, 0, n); err != nil {
			return err
		}
		if err := c.Room(2 * (len(out) + n)); err != nil {
			return err
		}
		out = append(out, s.text[done:loc[0]]...)
		out = s.p.re.ExpandString(out, with, s.text, loc)
		done = loc[1]
	}
	if err := c.Room(2 * (len(out) + len(s.text) - done)); err != nil {
		return err
	}
	return returnText(c, string(append(out, s.text[done:]...)))
}

func split(c *rhai.Call) error {
	s, err := newSearch(c)
	if err != nil {
		return err
	}
	var out []rhai.Value
	done := 0
	for {
		loc, err := s.next()
		if err != nil {
			return err
		}
		if loc == nil {
			break
		}
		if loc[1] == 0 || loc[0] == loc[1] && loc[0] == len(s.text) {
			continue // an empty match at either end splits nothing
		}
		if out, err = s.append(out, done, loc[0]); err != nil {
			return err
		}
		done = loc[1]
	}
	if out, err = s.append(out, done, len(s.text)); err != nil {
		return err
	}
	return s.returnArray(out)
}
