package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// expectation is a recorded outcome. Absent fields are not asserted.
type expectation struct {
	OK        bool     `json:"ok"`
	Type      *string  `json:"type"`
	Debug     *string  `json:"debug"`
	ErrorKind string   `json:"error_kind"`
	RootKind  string   `json:"root_kind"`
	Line      *int     `json:"line"`
	Col       *int     `json:"col"`
	Phase     string   `json:"phase"`
	Catchable *bool    `json:"catchable"`
	Printed   []string `json:"printed"`
}

// readCases reads a corpus file, which may be compressed.
func readCases(name string) ([]corpusCase, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	dec := json.NewDecoder(bufio.NewReaderSize(r, 1<<20))
	var out []corpusCase
	for {
		var c corpusCase
		switch err := dec.Decode(&c); err {
		case nil:
			out = append(out, c)
		case io.EOF:
			return out, nil
		default:
			return nil, fmt.Errorf("%s, case %d: %w", name, len(out)+1, err)
		}
	}
}

// matches reports whether an outcome is what was recorded, in any of the ways
// that native itself gives.
func (c corpusCase) matches(o outcome) bool {
	if c.Expect == nil {
		return true
	}
	if c.Expect.fits(o, c.Approx) {
		return true
	}
	for _, e := range c.Also {
		if e.fits(o, c.Approx) {
			return true
		}
	}
	return false
}

func (e expectation) fits(o outcome, approx bool) bool {
	if e.OK != o.OK || !samePrinted(e.Printed, o.Printed, approx) {
		return false
	}
	if e.OK {
		return (e.Type == nil || *e.Type == o.Type) && (e.Debug == nil || sameText(*e.Debug, *o.Debug, approx))
	}
	return e.ErrorKind == o.ErrorKind &&
		(e.RootKind == "" || e.RootKind == o.RootKind) &&
		(e.Phase == "" || e.Phase == o.Phase) &&
		(e.Catchable == nil || *e.Catchable == o.catchable) &&
		(e.Line == nil || *e.Line == o.Line) && (e.Col == nil || *e.Col == o.Col)
}

func samePrinted(want, got []string, approx bool) bool {
	return slices.EqualFunc(want, got, func(a, b string) bool { return sameText(a, b, approx) })
}

var numbers = regexp.MustCompile(`-?[0-9]+\.[0-9]+(e-?[0-9]+)?`)

// approximation is two digits of the sixteen that a float has.
const approximation = 1e-14

// sameText compares texts; where approx, their floats may differ in the last
// digits.
func sameText(want, got string, approx bool) bool {
	if want == got {
		return true
	}
	if !approx || numbers.ReplaceAllString(want, "#") != numbers.ReplaceAllString(got, "#") {
		return false
	}
	a, b := numbers.FindAllString(want, -1), numbers.FindAllString(got, -1)
	for i := range a {
		x, _ := strconv.ParseFloat(a[i], 64)
		y, _ := strconv.ParseFloat(b[i], 64)
		if math.Abs(x-y) > approximation*math.Abs(x) {
			return false
		}
	}
	return true
}

// topicOf is the part of an id that groups cases: core/arrays/001 → arrays.
func topicOf(c corpusCase) string {
	parts := strings.Split(c.ID, "/")
	if len(parts) > 2 {
		return parts[1]
	}
	if c.Topic != "" {
		topic, _, _ := strings.Cut(c.Topic, ":")
		return topic
	}
	return parts[0]
}

type tally struct{ passed, failed, known, quirks, quirksPassed int }

// knownCases lists the cases that a document names, as
// docs/rhai-differences.md does. A case named there must differ.
func knownCases(file string) (map[string]bool, error) {
	out := map[string]bool{}
	if file == "" {
		return out, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for _, id := range caseIDs.FindAllString(string(text), -1) {
		out[id] = true
	}
	return out, nil
}

var caseIDs = regexp.MustCompile(`\b(?:core|stdlib|programs|random|fuzz)/[a-z0-9/-]*[0-9]{3}\b`)

// conformance runs corpora and reports by topic.
func conformance(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	verbose := flags.Bool("v", false, "")
	document := flags.String("known", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		return usageError("conformance takes corpus files; before them -v lists what differs, -known FILE names a document that lists differences by case")
	}
	known, err := knownCases(*document)
	if err != nil {
		return err
	}
	var all tally
	for _, name := range flags.Args() {
		cases, err := readCases(name)
		if err != nil {
			return err
		}
		topics := map[string]*tally{}
		var sum tally
		for _, c := range cases {
			o := runCase(c)
			ok := c.matches(o)
			t := topics[topicOf(c)]
			if t == nil {
				t = &tally{}
				topics[topicOf(c)] = t
			}
			t.count(c, ok, known[c.ID])
			sum.count(c, ok, known[c.ID])
			if ok == known[c.ID] && (*verbose || known[c.ID]) {
				show(out, c, o)
			}
		}
		printTopics(out, name, topics, sum)
		all.passed += sum.passed
		all.failed += sum.failed
		all.known += sum.known
		all.quirks += sum.quirks
		all.quirksPassed += sum.quirksPassed
	}
	fmt.Fprintf(out, "\nquirks of native matched: %d of %d (not counted as failures)\n", all.quirksPassed, all.quirks)
	if *document != "" {
		fmt.Fprintf(out, "known differences: %d, in %s\n", all.known, *document)
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", all.passed, all.failed)
	if all.failed > 0 {
		return errFailed
	}
	return nil
}

func (t *tally) count(c corpusCase, ok, known bool) {
	if c.Quirk {
		t.quirks++
		if ok {
			t.quirksPassed++
		}
	}
	switch {
	case ok && known:
		t.failed++ // the document says otherwise
	case ok:
		t.passed++
	case known && !c.Quirk:
		t.known++
	case !c.Quirk:
		t.failed++
	}
}

func (t *tally) total() int { return t.passed + t.failed + t.known + t.quirks - t.quirksPassed }

func printTopics(out io.Writer, name string, topics map[string]*tally, sum tally) {
	fmt.Fprintf(out, "%s\n", name)
	names := make([]string, 0, len(topics))
	for t := range topics {
		names = append(names, t)
	}
	sort.Strings(names)
	for _, n := range names {
		t := topics[n]
		mark := ""
		if t.failed > 0 {
			mark = "  <-"
		}
		fmt.Fprintf(out, "  %-28s %5d of %5d%s\n", n, t.passed, t.total(), mark)
	}
	total := sum.total()
	fmt.Fprintf(out, "  %-28s %5d of %5d (%.1f%%)\n", "all", sum.passed, total, 100*float64(sum.passed)/float64(max(total, 1)))
}

func show(out io.Writer, c corpusCase, o outcome) {
	want, _ := json.Marshal(c.Expect)
	got, _ := json.Marshal(o)
	mark := ""
	if c.Quirk {
		mark = " (quirk)"
	}
	fmt.Fprintf(out, "--- %s%s\n%s\n  want %s\n  got  %s %s\n", c.ID, mark, c.Script, want, got, o.message)
}
