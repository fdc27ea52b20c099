package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/executor"
)

func (c *command) definitionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "definitions [DIR]",
		Short: "Write the files from which editors learn what scripts can call, to .rhai/definitions",
		Args:  between(0, "DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := filepath.Join(".rhai", "definitions")
			if len(args) == 1 {
				dir = args[0]
			}
			return c.writeDefinitions(dir)
		},
	}
}

func (c *command) writeDefinitions(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	written := []string{}
	for _, f := range executor.New(executor.Config{}).Definitions() {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
			return err
		}
		written = append(written, path)
	}
	if c.output == outputJSON {
		return c.printJSON(written)
	}
	for _, path := range written {
		fmt.Fprintln(c.Stdout, path)
	}
	return nil
}
