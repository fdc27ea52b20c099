package rhai_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai"
)

// recordedOutcome is what a recorded program did, or what ours does.
type recordedOutcome struct {
	OK        bool     `json:"ok"`
	Type      string   `json:"type"`
	Debug     string   `json:"debug"`
	ErrorKind string   `json:"error_kind"`
	RootKind  string   `json:"root_kind"`
	Line      int      `json:"line"`
	Col       int      `json:"col"`
	Printed   []string `json:"printed"`
}

// FuzzRecorded takes programs whose outcome native Rhai has recorded, changes
// what must not matter and compares the outcome: the layout, by a plan that
// says what to put into each gap between words; the printer's or the
// formatter's form of the program; a machine that has run another program
// before; limits that are far away; profiling.
func FuzzRecorded(f *testing.F) {
	cases := recordedPrograms(f)
	for i := range 64 {
		f.Add(uint16(i*29), uint16(i*31+7), byte(i), []byte{byte(i), 0, byte(i * 3), 4, 1, byte(i >> 2)})
	}
	f.Fuzz(func(t *testing.T, which, before uint16, how byte, plan []byte) {
		c := cases[int(which)%len(cases)]
		source, move := relayout(c.Script, plan)
		want := c.Expect
		want.Line, want.Col = move(want.Line, want.Col)
		want.Printed = slices.Clone(want.Printed)
		for i, line := range want.Printed {
			want.Printed[i] = moveDebug(line, move)
		}
		exact := true
		switch how >> 5 {
		case 1, 2:
			exact = false
			source = reprint(t, source)
		}
		got := runRecorded(t, source, cases[int(before)%len(cases)].Script, how)
		if !exact {
			want.Line, want.Col, got.Line, got.Col = 0, 0, 0, 0
			dropDebugPositions(want.Printed)
			dropDebugPositions(got.Printed)
		}
		if want.Line == 0 {
			got.Line, got.Col = 0, 0
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s\ngot  %+v\nwant %+v\n%s", c.ID, got, want, source)
		}
	})
}

type recordedProgram struct {
	ID     string          `json:"id"`
	Script string          `json:"script"`
	Quirk  bool            `json:"quirk"`
	Expect recordedOutcome `json:"expect"`
}

// recordedPrograms are the random programs whose outcome is ours too and does
// not depend on the parser's depth or on where functions stand.
func recordedPrograms(f *testing.F) []recordedProgram {
	f.Helper()
	if _, err := os.Stat(filepath.Join("..", "..", "shared", "conformance", "random.jsonl")); err != nil {
		f.Skipf("the recorded scripts are not here: %v", err)
	}
	return slices.DeleteFunc(readCorpus[recordedProgram](f, "random"), func(c recordedProgram) bool { return c.Quirk })
}

// gaps lists the byte offsets behind the white space that stands between
// words: not in strings and comments. Text in backticks is passed over whole.
func gaps(source string) []int {
	var out []int
	for i := 0; i < len(source); {
		switch c := source[i]; {
		case c == '"' || c == '\'':
			i = afterQuote(source, i)
		case c == '`':
			i = afterTemplate(source, i)
		case strings.HasPrefix(source[i:], "//"):
			i += strings.IndexByte(source[i:]+"\n", '\n')
		case strings.HasPrefix(source[i:], "/*"):
			i += strings.Index(source[i:]+"*/", "*/") + 2
		case c == ' ' || c == '\n':
			i++
			out = append(out, i)
		default:
			i++
		}
	}
	return out
}

func afterQuote(source string, i int) int {
	quote := source[i]
	for i++; i < len(source) && source[i] != quote; i++ {
		if source[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func afterTemplate(source string, i int) int {
	depth := 0
	for i++; i < len(source); i++ {
		switch c := source[i]; {
		case depth == 0 && c == '`':
			return i + 1
		case depth == 0 && strings.HasPrefix(source[i:], "${"):
			depth, i = 1, i+1
		case depth > 0 && c == '{':
			depth++
		case depth > 0 && c == '}':
			depth--
		case depth > 0 && c == '`':
			i = afterTemplate(source, i) - 1
		case depth > 0 && (c == '"' || c == '\''):
			i = afterQuote(source, i) - 1
		}
	}
	return i
}

// layouts is what a plan may put into a gap.
var layouts = []string{"", "", "", "\n", "  ", "\t", "/* é */ ", "// note\n", "\n\n\n", "/* a\nb */"}

// relayout puts white space and comments into the gaps of a program. move
// tells where a position has gone.
func relayout(source string, plan []byte) (string, func(line, col int) (int, int)) {
	type insertion struct{ at, size int }
	var b strings.Builder
	var done []insertion
	last := 0
	for i, at := range gaps(source) {
		if len(plan) == 0 {
			break
		}
		text := layouts[int(plan[i%len(plan)]+byte(i/len(plan)))%len(layouts)]
		b.WriteString(source[last:at] + text)
		last = at
		done = append(done, insertion{at, len(text)})
	}
	b.WriteString(source[last:])
	out := b.String()
	return out, func(line, col int) (int, int) {
		if line == 0 {
			return 0, 0
		}
		at := offsetOf(source, line, col)
		moved := at
		for _, d := range done {
			if d.at <= at {
				moved += d.size
			}
		}
		return positionOf(out, moved)
	}
}

func offsetOf(source string, line, col int) int {
	at := 0
	for range line - 1 {
		at += strings.IndexByte(source[at:]+"\n", '\n') + 1
	}
	for ; col > 1 && at < len(source); col-- {
		_, n := utf8.DecodeRuneInString(source[at:])
		at += n
	}
	return at
}

func positionOf(source string, at int) (line, col int) {
	before := source[:min(at, len(source))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// debugLine is how corpora show what debug() prints.
var debugLine = regexp.MustCompile(`^([0-9]+):([0-9]+) \| `)

func moveDebug(line string, move func(line, col int) (int, int)) string {
	m := debugLine.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	l, _ := strconv.Atoi(m[1])
	c, _ := strconv.Atoi(m[2])
	l, c = move(l, c)
	return fmt.Sprintf("%d:%d | %s", l, c, line[len(m[0]):])
}

func dropDebugPositions(printed []string) {
	for i, line := range printed {
		printed[i] = debugLine.ReplaceAllString(line, "")
	}
}

// reprint is the formatter's form of a program.
func reprint(t *testing.T, source string) string {
	t.Helper()
	text, err := rhai.Format("", source)
	var e *rhai.Error
	if errors.As(err, &e) && e.Phase == "parse" {
		return source // the program is about its own mistake
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// anonymous matches the names of closures, of which corpora show the common part.
var anonymous = regexp.MustCompile(`anon\$[0-9a-f]{16}`)

// runRecorded runs a program in an engine that `how` describes.
func runRecorded(t *testing.T, source, before string, how byte) recordedOutcome {
	t.Helper()
	limits := rhai.Limits{Operations: 200_000_000, Memory: 256 << 20}
	if how&1 != 0 {
		limits.ArraySize, limits.MapSize, limits.StringSize = 1<<30, 1<<30, 1<<30
	}
	if how&2 != 0 {
		limits.Variables = 10_000
	}
	e := rhai.New(rhai.Config{Limits: limits, Profile: how&4 != 0})
	vm := e.NewVM()
	if how&8 != 0 {
		if p, err := e.Compile("", before); err == nil {
			_, _ = vm.Run(t.Context(), rhai.Run{Program: p}, nil)
		}
	}
	var out recordedOutcome
	p, err := e.Compile("", source)
	if err == nil {
		err = runInto(t.Context(), vm, p, &out)
	}
	var failure *rhai.Error
	if errors.As(err, &failure) {
		out.OK, out.Type, out.Debug, out.ErrorKind = false, "", "", failure.Kind
		if root := failure.RootKind(); root != failure.Kind {
			out.RootKind = root
		}
		if failure.HasOuter {
			out.Line, out.Col = failure.OuterLine, failure.OuterColumn
		}
	} else if err != nil {
		t.Fatal(err)
	}
	return out
}

func runInto(ctx context.Context, vm *rhai.VM, p *rhai.Program, out *recordedOutcome) error {
	bare := func(s string) string { return anonymous.ReplaceAllString(s, "anon$$") }
	_, err := vm.Run(ctx, rhai.Run{
		Program: p,
		Print:   func(line string) error { out.Printed = append(out.Printed, bare(line)); return nil },
		Debug: func(line string, at rhai.Position) error {
			out.Printed = append(out.Printed, fmt.Sprintf("%d:%d | %s", at.Line, at.Column, bare(line)))
			return nil
		},
	}, func(v rhai.Value) error {
		text, err := vm.Inspect(v)
		out.OK, out.Type, out.Debug = true, v.TypeName(), bare(text)
		return err
	})
	return err
}
