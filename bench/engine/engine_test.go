package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestShort runs every workload on every engine at its smallest: everything
// must run, and agree.
func TestShort(t *testing.T) {
	file := filepath.Join(t.TempDir(), "engine.json")
	var out, diag bytes.Buffer
	if err := run([]string{"-short", "-json", file}, &out, &diag); err != nil {
		t.Fatalf("%v\n%s", err, diag.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Tables) != 1 || len(got.Tables[0].Rows) != len(workloads) {
		t.Fatalf("not all workloads are reported:\n%s", text)
	}
	missing := map[string]bool{"sort tengo": true} // it has no sort with a comparator
	for _, r := range got.Tables[0].Rows {
		for _, e := range goEngines {
			c := r.cell(e.name)
			if has := c != nil && c.MedianMS > 0 && c.Ratio > 0; has == missing[r.Workload+" "+e.name] {
				t.Errorf("%s on %s: measured: %v", r.Workload, e.name, has)
			}
		}
	}
	if !strings.Contains(out.String(), "11 workloads run") {
		t.Errorf("not all have run:\n%s", out.String())
	}
}

// TestDisagreement makes sure that a wrong result is found.
func TestDisagreement(t *testing.T) {
	says := func(name string, v any) engine {
		return engine{name, "rhai", "rhai", func(_ string, now clock) (program, error) {
			return repeat(now, func() (any, error) { return v, nil }), nil
		}}
	}
	s := settings{slow: time.Minute, short: true, clock: wallTime}
	if _, err := measure(workloads[0], []engine{says("a", int64(7)), says("b", 7.0)}, s); err != nil {
		t.Errorf("7 is not 7.0: %v", err)
	}
	_, err := measure(workloads[0], []engine{says("a", int64(7)), says("b", int64(8))}, s)
	if err == nil || !strings.Contains(err.Error(), "b computes 8, but a 7") {
		t.Errorf("7 and 8 agree: %v", err)
	}
}

func TestSummary(t *testing.T) {
	of := func(ratio float64) row {
		return row{Cells: []cell{{Engine: ours, Ratio: 1}, {Engine: "goja", Ratio: ratio}}}
	}
	tab := table{Rows: []row{of(2), of(8), of(500)}}
	tab.summarize([]engine{{name: "goja"}})
	m := tab.Means[0]
	var out bytes.Buffer
	if tab.print(&out, []engine{{name: ours}, {name: "goja"}}); !strings.Contains(out.String(), "| 4.00 (2 of 3) |") {
		t.Errorf("the mean without outliers is not printed:\n%s", out.String())
	}
	if m.Workloads != 3 || m.PacedWorkloads != 2 || m.Ratio < 19.9 || m.Ratio > 20.1 || m.Paced < 3.99 || m.Paced > 4.01 {
		t.Errorf("means of 2, 8 and 500: %+v", m)
	}
}

func TestArguments(t *testing.T) {
	for args, want := range map[string]string{
		"-gogc 0":        "not a percentage",
		"-only nothing":  `no workload "nothing"`,
		"-engines pearl": `no engine "pearl"`,
		"more":           "unexpected argument",
	} {
		if err := run(strings.Fields(args), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}
