package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "engine:", err)
		}
		os.Exit(1)
	}
}

// report is what -json writes.
type report struct {
	When      time.Time         `json:"when"`
	Go        string            `json:"go"`
	Platform  string            `json:"platform"`
	CPUs      int               `json:"cpus"`
	CPU       string            `json:"cpu,omitempty"`
	Clock     string            `json:"clock"`
	Versions  map[string]string `json:"versions"`
	Tables    []*table          `json:"tables"`
	Workloads int               `json:"workloads"`
}

// options are the command line.
type options struct {
	settings
	gogc          []int
	engines, only []string
	json, profile string
	clockName     string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fl := flag.NewFlagSet("engine", flag.ContinueOnError)
	fl.SetOutput(stderr)
	fl.IntVar(&o.rounds, "rounds", 9, "how many rounds there are")
	fl.DurationVar(&o.sample, "sample", 50*time.Millisecond, "how long a sample lasts at least")
	fl.DurationVar(&o.slow, "slow", 1500*time.Millisecond, "a first run that takes this long is the result: it is not repeated")
	fl.BoolVar(&o.short, "short", false, "tiny sizes, no rounds: only check that everything runs and agrees")
	clockName := fl.String("clock", "cpu", "what Go's engines are timed by: the processor time of this process (cpu), or wall")
	gogc := fl.String("gogc", "100", "a table for each of these values of GOGC, separated by commas")
	engines := fl.String("engines", "", "only these engines, separated by commas")
	only := fl.String("only", "", "only these workloads, separated by commas")
	fl.StringVar(&o.json, "json", "", "write everything to this file as well")
	fl.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile to this file")
	if err := fl.Parse(args); err != nil {
		return o, err
	}
	if fl.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fl.Arg(0))
	}
	var err error
	if o.clock, err = clockNamed(*clockName); err != nil {
		return o, err
	}
	o.clockName = *clockName
	for s := range strings.SplitSeq(*gogc, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-gogc: %q is not a percentage", s)
		}
		o.gogc = append(o.gogc, n)
	}
	if *engines != "" {
		o.engines = strings.Split(*engines, ",")
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	if o.short {
		o.rounds, o.gogc = 0, o.gogc[:1]
	}
	return o, nil
}

func run(args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	engines := goEngines
	if lua, ok := lua54(); ok {
		engines = append(slices.Clone(engines), lua)
	} else {
		fmt.Fprintln(stderr, "engine: there is no lua5.4 here; going on without it")
	}
	engines, err = pick("engine", engines, o.engines, func(e engine) string { return e.name })
	if err != nil {
		return err
	}
	chosen, err := pick("workload", workloads, o.only, func(w workload) string { return w.name })
	if err != nil {
		return err
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	out := report{
		When: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		CPUs: runtime.NumCPU(), CPU: cpuModel(), Clock: o.clockName, Versions: versions(), Workloads: len(chosen),
	}
	fmt.Fprintf(stdout, "%s, %s, %d CPUs (%s), by the %s clock\n", out.Go, out.Platform, out.CPUs, out.CPU, out.Clock)
	for _, gogc := range o.gogc {
		t, err := tabulate(gogc, chosen, engines, o.settings, stderr)
		if err != nil {
			return err
		}
		out.Tables = append(out.Tables, t)
		fmt.Fprintln(stdout)
		if o.short {
			fmt.Fprintf(stdout, "%d workloads run on %d engines, which agree.\n", len(t.Rows), len(engines))
			continue
		}
		t.print(stdout, engines)
		for _, b := range t.behind() {
			fmt.Fprintln(stdout, "behind:", b)
		}
	}
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}

// tabulate measures all workloads under one setting of the collector.
func tabulate(gogc int, chosen []workload, engines []engine, s settings, stderr io.Writer) (*table, error) {
	before := debug.SetGCPercent(gogc)
	defer debug.SetGCPercent(before)
	t := &table{GOGC: gogc, GOMEMLIMIT: memoryLimit(), Rounds: s.rounds}
	for _, w := range chosen {
		start := time.Now()
		r, err := measure(w, engines, s)
		if err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, r)
		fmt.Fprintf(stderr, "engine: GOGC=%d %s: %.1fs\n", gogc, w.name, time.Since(start).Seconds())
	}
	t.summarize(engines)
	return t, nil
}

// pick selects by name, in the order of all; no names mean all.
func pick[T any](what string, all []T, names []string, name func(T) string) ([]T, error) {
	for _, n := range names {
		if !slices.ContainsFunc(all, func(x T) bool { return name(x) == n }) {
			return nil, fmt.Errorf("there is no %s %q", what, n)
		}
	}
	if names == nil {
		return all, nil
	}
	var out []T
	for _, x := range all {
		if slices.Contains(names, name(x)) {
			out = append(out, x)
		}
	}
	return out, nil
}

func memoryLimit() string {
	n := debug.SetMemoryLimit(-1)
	if n == math.MaxInt64 {
		return "off"
	}
	return fmt.Sprintf("%dMiB", n>>20)
}

// versions are those of the Go engines that this program was built with.
func versions() map[string]string {
	out := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			out[d.Path] = d.Version
		}
	}
	return out
}

// cpuModel is the name of the processor where the kernel tells it.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
