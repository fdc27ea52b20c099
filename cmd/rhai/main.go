// Command rhai is the Rhai language on its own: it runs, checks and formats
// scripts, and holds the engine against recorded behaviour of native Rhai.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

const usage = `rhai runs Rhai scripts.

Usage:

  rhai run [flags] FILE        run a script and print its value
      --profile                afterwards, show which lines the operations went to
      --stats                  afterwards, show how many operations and bytes it took
      --max-operations N       stop it after so many operations
      --max-memory BYTES       stop it when its values take more
  rhai check [flags] FILE…     find mistakes without running
      --strict                 warnings make it fail, too
      -o json                  print the findings as JSON
  rhai fmt [-w] FILE…          print the file in standard layout; -w rewrites it
  rhai repl                    read and run lines
  rhai definitions [DIR]       write what editors need to know the library, to .rhai/definitions
  rhai eval --jsonl            run corpus cases from standard input, one JSON object a line
  rhai conformance [-v] FILE…  compare with recorded cases and report by topic

A FILE of - is standard input. Exit status: 0 done, 1 the script or a case
failed, 2 wrong usage.
`

// errFailed ends the command with status 1; what failed was already reported.
var errFailed = errors.New("failed")

// usageError ends the command with status 2.
type usageError string

func (e usageError) Error() string { return string(e) }

func main() {
	err := command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	var u usageError
	switch {
	case err == nil:
	case errors.Is(err, errFailed):
		os.Exit(1)
	case errors.As(err, &u):
		fmt.Fprintf(os.Stderr, "rhai: %s\n\n%s", u, usage)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "rhai: %v\n", err)
		os.Exit(1)
	}
}

func command(args []string, in io.Reader, out, errs io.Writer) error {
	if len(args) == 0 {
		return usageError("what shall it do?")
	}
	switch name, rest := args[0], args[1:]; name {
	case "run":
		return run(rest, in, out, errs)
	case "check":
		return check(rest, in, out, errs)
	case "fmt":
		return format(rest, in, out, errs)
	case "repl":
		return repl(in, out)
	case "definitions":
		return definitions(rest, out)
	case "eval":
		if len(rest) != 1 || rest[0] != "--jsonl" {
			return usageError("eval reads cases: rhai eval --jsonl")
		}
		return evalCases(in, out)
	case "conformance":
		return conformance(rest, out)
	case "help", "-h", "--help":
		_, err := io.WriteString(out, usage)
		return err
	default:
		return usageError("no command " + name)
	}
}
