package main

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
)

//go:embed workloads
var files embed.FS

// workload is one program, written in each language. Its size is a number in
// its source.
type workload struct {
	name string
	// size is the number as it stands in the sources, small what a quick check
	// puts in its place.
	size, small string
}

var workloads = []workload{
	{"fib", "27", "12"},
	{"loop_sum", "5000000", "500"},
	{"sieve", "200000", "200"},
	{"mat_mul", "100", "6"},
	{"closures", "1000000", "100"},
	{"objects", "1000000", "100"},
	{"sort", "100000", "100"},
	{"maps", "100000", "100"},
	{"strings", "100000", "100"},
	{"strings_join", "100000", "100"},
	{"json", "1300", "10"},
}

// source is the program in the language whose files are in dir. There is none,
// and ok is false, where the language cannot express the workload.
func (w workload) source(dir, ext string, short bool) (text string, ok bool, err error) {
	name := "workloads/" + dir + "/" + w.name + "." + ext
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return "", false, nil
	}
	text = string(raw)
	size := regexp.MustCompile(`\b` + w.size + `\b`)
	if !size.MatchString(text) {
		return "", false, fmt.Errorf("%s does not hold its size, %s", name, w.size)
	}
	if short {
		text = size.ReplaceAllLiteralString(text, w.small)
	}
	return text, true, nil
}
