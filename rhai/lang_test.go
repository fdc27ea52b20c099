package rhai_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai"
)

// The files of testdata/lang hold tests in the language itself, separated by
// lines of three dashes. A test passes when it runs to its end, unless a line
// of it ends with
//
//	### "regexp"
//
// in which case it must fail there, or be called from there, with an error whose
// kinds and message match. Tests
// call eq(got, want). A comment //limit: name=number before the code sets a
// limit; a line "==> name" begins the source of a module that the test
// imports.

// langCase is one test of a file.
type langCase struct {
	line    int // of its first line in the file
	source  string
	modules map[string]string
	limits  rhai.Limits
	errLine int // in source, 0 when no error is expected
	err     *regexp.Regexp
}

var (
	expectation = regexp.MustCompile(`### ("(?:[^"\\]|\\.)*")$`)
	limitLine   = regexp.MustCompile(`(?m)^//limit: (\w+)=(\d+)$`)
)

func readLang(t *testing.T, file string) (cases []langCase) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line := 1
	for chunk := range strings.SplitSeq(string(data), "---\n") {
		c := langCase{line: line, modules: map[string]string{}, limits: rhai.Limits{Operations: 1_000_000, Memory: 16 << 20}}
		line += strings.Count(chunk, "\n") + 1
		parts := strings.Split(chunk, "==> ")
		c.source = parts[0]
		for _, m := range parts[1:] {
			name, source, _ := strings.Cut(m, "\n")
			c.modules[name] = source
		}
		for _, m := range limitLine.FindAllStringSubmatch(c.source, -1) {
			n, _ := strconv.Atoi(m[2])
			if !setLimit(&c.limits, m[1], n) {
				t.Fatalf("%s:%d: no limit %q", file, c.line, m[1])
			}
		}
		for i, text := range strings.Split(c.source, "\n") {
			if m := expectation.FindStringSubmatch(text); m != nil {
				want, err := strconv.Unquote(m[1])
				if err != nil {
					t.Fatalf("%s:%d: %v", file, c.line+i, err)
				}
				c.errLine, c.err = i+1, regexp.MustCompile(want)
			}
		}
		cases = append(cases, c)
	}
	return cases
}

func setLimit(l *rhai.Limits, name string, n int) bool {
	switch name {
	case "operations":
		l.Operations = int64(n)
	case "levels":
		l.CallLevels = n
	case "variables":
		l.Variables = n
	case "modules":
		l.Modules = n
	case "array":
		l.ArraySize = n
	case "string":
		l.StringSize = n
	case "map":
		l.MapSize = n
	default:
		return false
	}
	return true
}

// langModule is what the tests call.
func langModule() *rhai.Module {
	return rhai.NewModule("").Func("eq", []rhai.Type{rhai.AnyType, rhai.AnyType}, func(c *rhai.Call) error {
		got, err := c.Inspect(c.Arg(0))
		if err != nil {
			return err
		}
		want, err := c.Inspect(c.Arg(1))
		if err != nil {
			return err
		}
		if got != want {
			return c.Fail("got %s, want %s", got, want)
		}
		return nil
	})
}

func (c *langCase) run() error {
	// The eval's own `//limit` lines are comments to it, and the expectations,
	// which are not, are taken off.
	source := regexp.MustCompile(`(?m) *### "(?:[^"\\]|\\.)*"$`).ReplaceAllString(c.source, "")
	e := rhai.New(rhai.Config{Limits: c.limits, Global: langModule()})
	p, err := e.Compile("test", source)
	if err != nil {
		return err
	}
	_, err = e.NewVM().Run(context.Background(), rhai.Run{
		Program: p,
		Resolve: func(_ context.Context, name string) (*rhai.Program, error) {
			source, ok := c.modules[name]
			if !ok {
				return nil, errors.New("it is not there")
			}
			return e.Compile(name, source)
		},
	}, nil)
	return err
}

func TestLanguage(t *testing.T) {
	files, err := filepath.Glob("testdata/lang/*.rhai")
	if err != nil || len(files) == 0 {
		t.Fatal("no tests in testdata/lang", err)
	}
	for _, file := range files {
		for _, c := range readLang(t, file) {
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), c.line), func(t *testing.T) {
				err := c.run()
				var e *rhai.Error
				switch {
				case err == nil && c.err != nil:
					t.Errorf("it did not fail in line %d", c.line+c.errLine-1)
				case err == nil:
				case !errors.As(err, &e):
					t.Errorf("not an *Error: %v", err)
				case c.err == nil:
					t.Errorf("line %d: %v", c.line+e.Line-1, err)
				default:
					if text := e.Kind + " " + e.RootKind() + ": " + e.Message; e.Line != c.errLine && e.OuterLine != c.errLine || !c.err.MatchString(text) {
						t.Errorf("line %d: %s\nwant in line %d: %s", c.line+e.Line-1, text, c.line+c.errLine-1, c.err)
					}
				}
			})
		}
	}
}
