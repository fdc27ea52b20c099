package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// errMissing says that an engine lacks something for a workload on this
// machine. Its cell stays empty.
var errMissing = errors.New("a library is not installed")

// settings is how a table is made.
type settings struct {
	rounds int
	// sample is how long one sample lasts at least.
	sample time.Duration
	// slow is when a run is too long to be repeated: the first one is then the
	// result.
	slow  time.Duration
	short bool
	clock clock
}

// cell is what was measured of one engine on one workload.
type cell struct {
	Engine   string  `json:"engine"`
	MedianMS float64 `json:"median_ms"`
	MinMS    float64 `json:"min_ms"`
	MaxMS    float64 `json:"max_ms"`
	Samples  int     `json:"samples"`
	// Ratio is the median divided by ours; 0 where we have none.
	Ratio float64 `json:"ratio"`
}

// row is one workload on all the engines that have it.
type row struct {
	Workload string `json:"workload"`
	Result   string `json:"result"`
	Cells    []cell `json:"cells"`
}

// cell finds what one engine did, or nil.
func (r row) cell(engine string) *cell {
	for i := range r.Cells {
		if r.Cells[i].Engine == engine {
			return &r.Cells[i]
		}
	}
	return nil
}

// contender is an engine with a program that it has compiled.
type contender struct {
	name    string
	run     program
	slow    bool
	samples []time.Duration
}

// measure runs one workload on all engines, in turns.
func measure(w workload, engines []engine, s settings) (row, error) {
	out := row{Workload: w.name}
	cs, err := prepare(w, engines, s)
	if err != nil {
		return out, err
	}
	for i, c := range cs {
		took, v, err := sampleOf(c, 0)
		if err != nil {
			return out, fmt.Errorf("%s: %s: %w", w.name, c.name, err)
		}
		result, err := number(v)
		if err != nil {
			return out, fmt.Errorf("%s: %s: %w", w.name, c.name, err)
		}
		if i == 0 {
			out.Result = result
		} else if result != out.Result {
			return out, fmt.Errorf("%s: %s computes %s, but %s %s", w.name, c.name, result, cs[0].name, out.Result)
		}
		if c.slow = took >= s.slow; c.slow || s.rounds == 0 {
			c.samples = append(c.samples, took)
		}
	}
	for round := range s.rounds {
		for i := range cs {
			c := cs[(i+round)%len(cs)]
			if c.slow {
				continue
			}
			took, _, err := sampleOf(c, s.sample)
			if err != nil {
				return out, fmt.Errorf("%s: %s: %w", w.name, c.name, err)
			}
			c.samples = append(c.samples, took)
		}
	}
	for _, c := range cs {
		out.Cells = append(out.Cells, c.cell())
	}
	if us := out.cell(ours); us != nil {
		for i := range out.Cells {
			out.Cells[i].Ratio = out.Cells[i].MedianMS / us.MedianMS
		}
	}
	return out, nil
}

func prepare(w workload, engines []engine, s settings) ([]*contender, error) {
	var cs []*contender
	for _, e := range engines {
		source, ok, err := w.source(e.dir, e.ext, s.short)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		run, err := e.prepare(source, s.clock)
		if errors.Is(err, errMissing) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: compile: %w", w.name, e.name, err)
		}
		cs = append(cs, &contender{name: e.name, run: run})
	}
	return cs, nil
}

// sampleOf runs a program with nobody else's garbage on the heap.
func sampleOf(c *contender, atLeast time.Duration) (time.Duration, any, error) {
	runtime.GC()
	return c.run(atLeast)
}

func (c *contender) cell() cell {
	slices.Sort(c.samples)
	n := len(c.samples)
	median := c.samples[n/2]
	if n%2 == 0 {
		median = (c.samples[n/2-1] + median) / 2
	}
	return cell{Engine: c.name, MedianMS: ms(median), MinMS: ms(c.samples[0]), MaxMS: ms(c.samples[n-1]), Samples: n}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// number writes a result the same for engines with and without integers.
func number(v any) (string, error) {
	switch v := v.(type) {
	case int64:
		return fmt.Sprint(v), nil
	case float64:
		if v == float64(int64(v)) {
			return fmt.Sprint(int64(v)), nil
		}
	}
	return "", fmt.Errorf("the result is %v, not an integer", v)
}
