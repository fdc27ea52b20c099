package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// profileLines is how many lines a profile shows.
const profileLines = 20

// place is a line of a program, or of texts that it gave to eval.
type place struct {
	line int
	eval bool
}

// profile adds up where a run's operations went.
type profile map[place]int64

func (p profile) add(s rhai.Sample) { p[place{s.At.Line, s.Eval}] += s.Operations }

// write prints the lines with the most operations.
func (p profile) write(w io.Writer, source string) {
	places := make([]place, 0, len(p))
	total := int64(0)
	for at, n := range p {
		places = append(places, at)
		total += n
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(p[b], p[a]), cmp.Compare(a.line, b.line))
	})
	lines := strings.Split(source, "\n")
	fmt.Fprintf(w, "%6s %12s %6s  source\n", "line", "operations", "share")
	for i, at := range places {
		if i == profileLines {
			rest := int64(0)
			for _, other := range places[i:] {
				rest += p[other]
			}
			fmt.Fprintf(w, "%6s %12d %5.1f%%  (%d more lines)\n", "", rest, share(rest, total), len(places)-i)
			break
		}
		number, text := fmt.Sprint(at.line), ""
		switch {
		case at.eval:
			text = "(in a text given to eval)"
		case at.line == 0:
			number, text = "", "(no line)"
		case at.line <= len(lines):
			text = shortLine(lines[at.line-1])
		}
		fmt.Fprintf(w, "%6s %12d %5.1f%%  %s\n", number, p[at], share(p[at], total), text)
	}
	fmt.Fprintf(w, "%6s %12d\n", "total", total)
}

func share(n, total int64) float64 { return 100 * float64(n) / float64(max(total, 1)) }

// shortLine is a source line that fits beside the numbers.
func shortLine(s string) string {
	const most = 80
	s = strings.ReplaceAll(strings.TrimRight(s, " \t\r"), "\t", "    ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
