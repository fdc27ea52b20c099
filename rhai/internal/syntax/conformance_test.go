package syntax

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// corpusDir holds recorded outcomes of native Rhai, outside the repository.
const corpusDir = "../../../../shared/conformance"

type corpusCase struct {
	ID     string
	Script string
	Limits struct {
		MaxExprDepth   *int `json:"max_expr_depth"`
		MaxFnExprDepth *int `json:"max_fn_expr_depth"`
		MaxStringSize  int  `json:"max_string_size"`
		MaxArraySize   int  `json:"max_array_size"`
		MaxMapSize     int  `json:"max_map_size"`
		MaxFunctions   *int `json:"max_functions"`
	}
	Expect corpusOutcome
	Also   []corpusOutcome
}

type corpusOutcome struct {
	OK        bool
	Phase     string
	ErrorKind string `json:"error_kind"`
	LexError  string `json:"lex_error"`
	Line, Col int32
}

func (c *corpusCase) options() Options {
	o := nativeOptions()
	o.MaxStringSize, o.MaxArraySize = c.Limits.MaxStringSize, c.Limits.MaxArraySize
	o.MaxMapSize = c.Limits.MaxMapSize
	if n := c.Limits.MaxFunctions; n != nil {
		if o.MaxFunctions = *n; *n == 0 {
			o.MaxFunctions = -1 // native has no "unlimited" for this one
		}
	}
	if n := c.Limits.MaxExprDepth; n != nil {
		o.MaxExprDepth = *n
	}
	if n := c.Limits.MaxFnExprDepth; n != nil {
		o.MaxFnExprDepth = *n
	}
	return o
}

func nativeOptions() Options {
	return Options{MaxExprDepth: 64, MaxFnExprDepth: 32, AllowFuncs: true, AllowClosures: true}
}

// matches reports whether the outcome of Parse is that of o. Only outcomes of
// the parse phase say anything about the error.
func (o *corpusOutcome) matches(err error) bool {
	if o.OK || o.Phase != "parse" {
		return err == nil
	}
	e, ok := err.(*Error)
	return ok && e.Kind == o.ErrorKind && (o.LexError == "" || o.LexError == e.Lex) &&
		(o.Line == 0 || o.Line == e.Pos.Line) && (o.Col == 0 || o.Col == e.Pos.Col)
}

func readCorpus(t testing.TB, name string) (cases []corpusCase) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpusDir, name))
	if os.IsNotExist(err) {
		t.Skipf("the corpus %s of recorded native outcomes is not here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = bytes.NewReader(data)
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			t.Fatal(err)
		}
	}
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var c corpusCase
			if err := json.Unmarshal(line, &c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			cases = append(cases, c)
		}
		if err == io.EOF {
			return cases
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestConformance parses every recorded case: what native refuses while
// parsing must be refused with the same kind at the same place, and all else
// must parse.
func TestConformance(t *testing.T) {
	for _, name := range []string{"core.jsonl", "stdlib.jsonl", "programs.jsonl", "random.jsonl"} {
		t.Run(name, func(t *testing.T) {
			refused := 0
			cases := readCorpus(t, name)
			for i := range cases {
				c := &cases[i]
				_, err := Parse(c.Script, c.options())
				ok := c.Expect.matches(err)
				for j := range c.Also {
					ok = ok || c.Also[j].matches(err)
				}
				if !ok {
					t.Errorf("%s: got %s, want %+v\n%s", c.ID, showError(err), c.Expect, c.Script)
				}
				if c.Expect.Phase == "parse" {
					refused++
				}
			}
			t.Logf("%d cases, of which %d are refused by the parser", len(cases), refused)
		})
	}
}

func showError(err error) string {
	e, ok := err.(*Error)
	if !ok {
		return "no error"
	}
	return e.Kind + "/" + e.Lex + " " + e.Error()
}

// TestAdversarial parses attacks: the outcome is free, but it must come soon.
func TestAdversarial(t *testing.T) {
	for _, name := range []string{"adversarial.jsonl", "adversarial-large.jsonl.gz"} {
		t.Run(name, func(t *testing.T) {
			for _, c := range readCorpus(t, name) {
				for _, opts := range []Options{nativeOptions(), {AllowFuncs: true, AllowClosures: true}} {
					start := time.Now()
					_, err := Parse(c.Script, opts)
					// A megabyte takes about 50 ms; this only tells linear from quadratic.
					limit := 500*time.Millisecond + time.Duration(len(c.Script))*2*time.Microsecond
					if d := time.Since(start); d > limit {
						t.Errorf("%s: %d bytes took %v (%s)", c.ID, len(c.Script), d, showError(err))
					}
				}
			}
		})
	}
}
