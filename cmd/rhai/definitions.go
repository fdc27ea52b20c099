package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/picloud/picloud/rhai"
)

// definitions writes the files from which editors learn the standard library.
func definitions(args []string, out io.Writer) error {
	dir := filepath.Join(".rhai", "definitions")
	switch {
	case len(args) > 1 || len(args) == 1 && args[0] != "" && args[0][0] == '-':
		return usageError("definitions takes one folder")
	case len(args) == 1:
		dir = args[0]
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range rhai.New(rhai.Config{}).Definitions() {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(out, path)
	}
	return nil
}
