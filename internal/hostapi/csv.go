package hostapi

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/rhai"
)

// csvModule is csv::parse(text[, options]) and csv::stringify(rows[, options]),
// as RFC 4180 has it. A row is an array; with #{header: true} it is a map by
// the names of the first row. #{separator: ";"} sets another separator.
func csvModule() *rhai.Module {
	m := rhai.NewModule("csv")
	m.Func("parse", params(rhai.StringType), parseCSV, "rows of fields")
	m.Func("parse", params(rhai.StringType, rhai.MapType), parseCSV, "rows of fields, with #{header, separator}")
	m.Func("stringify", params(rhai.ArrayType), writeCSV, "rows as CSV")
	m.Func("stringify", params(rhai.ArrayType, rhai.MapType), writeCSV, "rows as CSV, with #{separator}")
	return m
}

type csvOptions struct {
	header    bool
	separator rune
}

// readCSVOptions reads the second argument, if there is one.
func readCSVOptions(c *rhai.Call) (csvOptions, error) {
	o := csvOptions{separator: ','}
	if c.N() < 2 {
		return o, nil
	}
	for name, v := range c.Arg(1).Entries() {
		switch name {
		case "header":
			b, ok := v.AsBool()
			if !ok {
				return o, c.Fail("the CSV option \"header\" is a bool")
			}
			o.header = b
		case "separator":
			s, err := c.Text(v)
			if err != nil {
				return o, err
			}
			r, width := utf8.DecodeRuneInString(s)
			if width == 0 || width != len(s) || r == '"' || r == '\r' || r == '\n' || r == utf8.RuneError {
				return o, c.Fail("%q cannot separate fields of CSV", clip(s))
			}
			o.separator = r
		default:
			return o, c.Fail("CSV has no option %q (header, separator)", clip(name))
		}
	}
	return o, nil
}

// perField is about what a field costs besides its text, in Go and as a value.
const perField = 100

func parseCSV(c *rhai.Call) error {
	o, err := readCSVOptions(c)
	if err != nil {
		return err
	}
	s := text(c, 0)
	// As many fields as there are separators and line ends, at most.
	if err := work(c, len(s), len(s)); err != nil {
		return err
	}
	if err := c.Charge(strings.Count(s, string(o.separator)) + strings.Count(s, "\n")); err != nil {
		return err
	}
	r := csv.NewReader(strings.NewReader(s))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = o.separator, -1, true
	var names []string
	var rows []rhai.Value
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			return c.Fail("line %d is not CSV: %s", wrong.Line, wrong.Err)
		}
		if err != nil {
			return c.Fail("it is not CSV: %s", err)
		}
		if o.header && names == nil {
			names = append([]string{}, record...)
			continue
		}
		if err := c.Room(len(record)*perField + cap(rows)*16); err != nil {
			return err
		}
		row, err := csvRow(c, names, record)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	v, err := c.Array(rows)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// csvRow makes a row: an array, or with names a map. Fields without a name are
// left out, and names without a field have "".
func csvRow(c *rhai.Call, names, record []string) (rhai.Value, error) {
	if names == nil {
		return c.ToValue(record)
	}
	b := c.NewMap()
	for i, name := range names {
		field := ""
		if i < len(record) {
			field = record[i]
		}
		v, err := c.String(field)
		if err != nil {
			return v, err
		}
		if err := b.Set(name, v); err != nil {
			return v, err
		}
	}
	return b.Value(), nil
}

func writeCSV(c *rhai.Call) error {
	o, err := readCSVOptions(c)
	if err != nil {
		return err
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = o.separator
	write := func(record []string) error {
		n := 0
		for _, f := range record {
			n += 2*len(f) + 3 // every quote doubled
		}
		if err := work(c, n, b.Len()+n); err != nil {
			return err
		}
		if err := w.Write(record); err != nil {
			return c.Fail("the row cannot be CSV")
		}
		w.Flush() // so that b.Len() is what there is
		return nil
	}
	var names []string
	for row := range c.Arg(0).Elems() {
		if row.Kind() == rhai.MapKind && names == nil {
			names = []string{}
			for name := range row.Entries() {
				names = append(names, name)
			}
			if err := write(names); err != nil {
				return err
			}
		}
		record, err := csvRecord(c, row, names)
		if err != nil {
			return err
		}
		if err := write(record); err != nil {
			return err
		}
	}
	if err := c.Room(2 * b.Len()); err != nil {
		return err
	}
	return returnText(c, b.String())
}

// csvRecord is the texts of a row; of a map in the order of names.
func csvRecord(c *rhai.Call, row rhai.Value, names []string) ([]string, error) {
	var record []string
	add := func(v rhai.Value) error {
		s := ""
		if !v.IsUnit() {
			var err error
			if s, err = c.Text(v); err != nil {
				return err
			}
		}
		record = append(record, s)
		return c.Charge(1)
	}
	switch {
	case row.Kind() == rhai.ArrayKind && names == nil:
		for v := range row.Elems() {
			if err := add(v); err != nil {
				return nil, err
			}
		}
	case row.Kind() == rhai.MapKind && names != nil:
		for _, name := range names {
			v, _ := row.Get(name)
			if err := add(v); err != nil {
				return nil, err
			}
		}
	default:
		return nil, c.Fail("rows of CSV are all arrays or all maps, and one is a %s", row.TypeName())
	}
	return record, nil
}
