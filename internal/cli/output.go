package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// printJSON writes a value as indented JSON.
func (c *command) printJSON(v any) error {
	enc := json.NewEncoder(c.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printJSONLine writes a value as one line of JSON, for streams.
func (c *command) printJSONLine(v any) error {
	enc := json.NewEncoder(c.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table writes rows under a heading, aligned. Cells are made visible: they
// may hold what a script said.
func (c *command) table(heading []string, rows [][]string) error {
	w := tabwriter.NewWriter(c.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(heading, "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = visible(strings.Map(flat, cell))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// flat keeps a cell on its line and in its column.
func flat(r rune) rune {
	if r == '\n' || r == '\t' || r == '\r' {
		return ' '
	}
	return r
}

// visible is s with control characters, but for line ends and tabs, as escapes:
// what a script wrote must not steer somebody's terminal.
func visible(s string) string {
	if !strings.ContainsFunc(s, steers) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if steers(r) {
			fmt.Fprintf(&b, "\\u{%x}", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// steers reports whether a terminal may obey a character: control characters,
// and those that turn the direction of writing.
func steers(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// writeFor writes bytes as they are to a file or pipe, and made visible to a
// terminal.
func writeFor(w io.Writer, data string) error {
	if _, ok := terminal(w); ok {
		data = visible(strings.ToValidUTF8(data, "�"))
	}
	_, err := io.WriteString(w, data)
	return err
}

// when is a time as tables show it.
func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// enabled is a switch as tables show it.
func state(enabled bool) string {
	if enabled {
		return "on"
	}
	return "off"
}
