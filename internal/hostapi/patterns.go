package hostapi

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// What a regular expression may be. RE2 runs in time proportional to text and
// pattern, but a short pattern can stand for a huge program: (a{1000}){1000}.
const (
	maxPatternBytes = 4 << 10
	maxPatternSize  = 20_000 // about the instructions of the program
	maxPatterns     = 64     // kept compiled
	maxKeptSize     = 100_000
)

// Patterns keeps compiled regular expressions, the most recent ones, bounded
// by number and size. The zero value is empty. It serves one run at a time.
type Patterns struct {
	byText map[string]*pattern
	order  []string // oldest first
	size   int
}

// pattern is a compiled regular expression.
type pattern struct {
	re   *regexp.Regexp
	size int
	// middle matches from a place that is not the beginning of the text: its
	// input starts with the character before that place. It is nil where what
	// comes before makes no difference.
	middle *regexp.Regexp
}

// compile finds or compiles an expression. The error is for the script.
func (ps *Patterns) compile(text string) (*pattern, error) {
	if p := ps.byText[text]; p != nil {
		return p, nil
	}
	p, err := compilePattern(text)
	if err != nil {
		return nil, err
	}
	if ps.byText == nil {
		ps.byText = map[string]*pattern{}
	}
	for len(ps.order) > 0 && (len(ps.order) >= maxPatterns || ps.size+p.size > maxKeptSize) {
		ps.size -= ps.byText[ps.order[0]].size
		delete(ps.byText, ps.order[0])
		ps.order = ps.order[1:]
	}
	ps.byText[text] = p
	ps.order = append(ps.order, text)
	ps.size += p.size
	return p, nil
}

func compilePattern(text string) (*pattern, error) {
	if len(text) > maxPatternBytes {
		return nil, fmt.Errorf("the regular expression has %d bytes, at most %d are allowed", len(text), maxPatternBytes)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression: %w", clip(text), err)
	}
	p := &pattern{size: programSize(tree)}
	if p.size > maxPatternSize {
		return nil, fmt.Errorf("the regular expression %q is too large", clip(text))
	}
	if p.re, err = regexp.Compile(text); err != nil {
		return nil, fmt.Errorf("%q is not a regular expression: %w", clip(text), err)
	}
	if looksBack(tree) {
		if p.middle, err = regexp.Compile(`\A(?s:.)(?s:.*?)(` + text + `)`); err != nil {
			return nil, fmt.Errorf("%q is not a regular expression: %w", clip(text), err)
		}
	}
	return p, nil
}

// programSize is about how many instructions an expression compiles to. The
// parser bounds how deep it nests.
func programSize(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)/2
	for _, sub := range re.Sub {
		n += programSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		times := re.Max
		if times < 0 {
			times = re.Min + 1
		}
		n = 1 + n*max(times, 1)
	}
	return min(n, 1<<30)
}

// looksBack reports whether a match depends on the character before it.
func looksBack(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	for _, sub := range re.Sub {
		if looksBack(sub) {
			return true
		}
	}
	return false
}
