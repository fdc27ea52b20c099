package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/picloud/picloud/rhai"
)

// readSource reads a script; "-" is in.
func readSource(name string, in io.Reader) (string, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(in)
	} else {
		data, err = os.ReadFile(name)
	}
	return string(data), err
}

func run(args []string, in io.Reader, out, errs io.Writer) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var limits rhai.Limits
	flags.Int64Var(&limits.Operations, "max-operations", 0, "")
	flags.Int64Var(&limits.Memory, "max-memory", 0, "")
	stats := flags.Bool("stats", false, "")
	profiled := flags.Bool("profile", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		return usageError("run takes one file, and --max-operations N, --max-memory BYTES, --stats, --profile before it")
	}
	name := flags.Arg(0)
	source, err := readSource(name, in)
	if err != nil {
		return err
	}
	engine := rhai.New(rhai.Config{Limits: limits, Profile: *profiled})
	prog, err := engine.Compile(name, source)
	if err != nil {
		return report(errs, source, err)
	}
	w := bufio.NewWriter(out)
	defer w.Flush()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	vm := engine.NewVM()
	var lines profile
	var sample func(rhai.Sample)
	if *profiled {
		lines = profile{}
		sample = lines.add
	}
	used, err := vm.Run(ctx, rhai.Run{
		Program: prog,
		Profile: sample,
		Print: func(line string) error {
			_, err := fmt.Fprintln(w, line)
			return err
		},
		Debug: func(line string, at rhai.Position) error {
			_, err := fmt.Fprintf(w, "%d:%d | %s\n", at.Line, at.Column, line)
			return err
		},
	}, func(v rhai.Value) error {
		if v.IsUnit() {
			return nil
		}
		text, err := vm.Text(v)
		if err == nil {
			_, err = fmt.Fprintln(w, text)
		}
		return err
	})
	if *profiled {
		w.Flush()
		lines.write(errs, source)
	}
	if *stats {
		w.Flush()
		fmt.Fprintf(errs, "operations %d, peak bytes %d\n", used.Operations, used.PeakBytes)
	}
	if err != nil {
		w.Flush()
		return report(errs, source, err)
	}
	return nil
}

// report shows an error of a script and makes it the command's failure.
func report(errs io.Writer, source string, err error) error {
	var e *rhai.Error
	if !errors.As(err, &e) {
		return err
	}
	fmt.Fprint(errs, rhai.FormatError(source, err))
	return errFailed
}

func format(args []string, in io.Reader, out, errs io.Writer) error {
	flags := flag.NewFlagSet("fmt", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	write := flags.Bool("w", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		return usageError("fmt takes at least one file, and -w before it")
	}
	var failed error
	for _, name := range flags.Args() {
		source, err := readSource(name, in)
		if err != nil {
			return err
		}
		text, err := rhai.Format(name, source)
		if err != nil {
			if failed = report(errs, source, err); failed != errFailed {
				return failed
			}
			continue
		}
		if !*write || name == "-" {
			if _, err := io.WriteString(out, text); err != nil {
				return err
			}
		} else if text != source {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	return failed
}
