package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// table is everything that was measured under one setting of the collector.
type table struct {
	GOGC       int    `json:"gogc"`
	GOMEMLIMIT string `json:"gomemlimit"`
	Rounds     int    `json:"rounds"`
	Rows       []row  `json:"rows"`
	// Means are the geometric means of the ratios.
	Means []mean `json:"geometric_means"`
}

// mean is the geometric mean of an engine's ratios over the workloads that it
// and we have.
type mean struct {
	Engine    string  `json:"engine"`
	Ratio     float64 `json:"ratio"`
	Workloads int     `json:"workloads"`
	// Paced leaves out the workloads that took a Go engine more than
	// outlier times as long as us, which would decide the mean alone.
	Paced          float64 `json:"ratio_without_outliers"`
	PacedWorkloads int     `json:"workloads_without_outliers"`
}

const outlier = 50

// summarize computes the means.
func (t *table) summarize(engines []engine) {
	for _, e := range engines {
		m := mean{Engine: e.name}
		var all, paced float64
		for _, r := range t.Rows {
			c := r.cell(e.name)
			if c == nil || c.Ratio == 0 {
				continue
			}
			m.Workloads++
			all += math.Log(c.Ratio)
			if c.Ratio < outlier {
				m.PacedWorkloads++
				paced += math.Log(c.Ratio)
			}
		}
		if m.Workloads > 0 {
			m.Ratio = math.Exp(all / float64(m.Workloads))
		}
		if m.PacedWorkloads > 0 {
			m.Paced = math.Exp(paced / float64(m.PacedWorkloads))
		}
		t.Means = append(t.Means, m)
	}
}

// print writes the table as Markdown.
func (t *table) print(w io.Writer, engines []engine) {
	fmt.Fprintf(w, "GOGC=%d, GOMEMLIMIT=%s, medians of %d rounds. Ratios: %s = 1, more is slower than it.\n\n", t.GOGC, t.GOMEMLIMIT, t.Rounds, ours)
	head := []string{"workload", ours + " ms", "±"}
	for _, e := range engines {
		if e.name != ours {
			head = append(head, e.name)
		}
	}
	rows := [][]string{head, nil}
	for _, r := range t.Rows {
		rows = append(rows, t.line(r, engines))
	}
	all, paced := []string{"geometric mean", "", ""}, []string{fmt.Sprintf("… of ratios under %d", outlier), "", ""}
	for _, m := range t.Means {
		if m.Engine != ours {
			all = append(all, counted(m.Ratio, m.Workloads, len(t.Rows)))
			paced = append(paced, counted(m.Paced, m.PacedWorkloads, len(t.Rows)))
		}
	}
	align(w, append(rows, all, paced))
}

func (t *table) line(r row, engines []engine) []string {
	line := []string{r.Workload, "", ""}
	for _, e := range engines {
		c := r.cell(e.name)
		switch {
		case c == nil && e.name != ours:
			line = append(line, "–")
		case c == nil:
		case e.name == ours:
			line[1] = fmt.Sprintf("%.2f", c.MedianMS)
			line[2] = fmt.Sprintf("%.0f%%", 50*(c.MaxMS-c.MinMS)/c.MedianMS)
		case c.Ratio == 0:
			line = append(line, fmt.Sprintf("%.2f ms", c.MedianMS))
		default:
			line = append(line, fmt.Sprintf("%.2f", c.Ratio))
		}
	}
	return line
}

func counted(ratio float64, n, of int) string {
	switch {
	case n == 0:
		return "–"
	case n < of:
		return fmt.Sprintf("%.2f (%d of %d)", ratio, n, of)
	}
	return fmt.Sprintf("%.2f", ratio)
}

// align writes rows as a Markdown table; the second, nil, is the rule below
// the head.
func align(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, s := range r {
			widths[i] = max(widths[i], len([]rune(s)))
		}
	}
	for _, r := range rows {
		if r == nil {
			for i, n := range widths {
				fmt.Fprint(w, "|", strings.Repeat("-", n+1), map[bool]string{true: "-", false: ":"}[i == 0])
			}
			fmt.Fprintln(w, "|")
			continue
		}
		for i, s := range r {
			pad := strings.Repeat(" ", widths[i]-len([]rune(s)))
			if i == 0 {
				s += pad
			} else {
				s = pad + s
			}
			fmt.Fprint(w, "| ", s, " ")
		}
		fmt.Fprintln(w, "|")
	}
}

// behind lists the workloads on which a Go engine is faster than ours.
func (t *table) behind() []string {
	var out []string
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			isGo := slices.ContainsFunc(goEngines, func(e engine) bool { return e.name == c.Engine })
			if isGo && c.Ratio > 0 && c.Ratio < 1 {
				out = append(out, fmt.Sprintf("%s: %s takes %.2f of our time", r.Workload, c.Engine, c.Ratio))
			}
		}
	}
	return out
}
