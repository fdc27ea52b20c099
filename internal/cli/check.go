package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE...", Short: "Compile scripts without deploying them, and without a server",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactly("FILE")(cmd, args)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			compiler := executor.New(executor.Config{})
			results := make([]checkedFile, 0, len(args))
			for _, file := range args {
				r, err := c.checkFile(compiler, file)
				if err != nil {
					return err
				}
				results = append(results, r)
			}
			return c.printChecked(results)
		},
	}
}

// checkedFile is what is wrong with one file.
type checkedFile struct {
	File        string           `json:"file"`
	OK          bool             `json:"ok"`
	Diagnostics []api.Diagnostic `json:"diagnostics"`
}

// checkFile compiles a file just as a server would, under the default limits.
func (c *command) checkFile(compiler *executor.Executor, file string) (checkedFile, error) {
	source, name, err := c.readScript(file)
	if err != nil {
		return checkedFile{}, err
	}
	r := checkedFile{File: name, Diagnostics: []api.Diagnostic{}}
	found := compiler.Check(source)
	for _, d := range found {
		r.Diagnostics = append(r.Diagnostics, api.NewDiagnostic("", d))
	}
	r.OK = picloud.Deployable(found)
	return r, nil
}

func (c *command) printChecked(results []checkedFile) error {
	failed := false
	if c.output == outputJSON {
		if err := c.printJSON(results); err != nil {
			return err
		}
	}
	for _, r := range results {
		failed = failed || !r.OK
		if c.output == outputJSON {
			continue
		}
		for _, d := range r.Diagnostics {
			writeDiagnostic(c.Stderr, r.File, d)
		}
		if r.OK {
			fmt.Fprintf(c.Stdout, "%s: ok\n", r.File)
		}
	}
	if failed {
		return errSilent
	}
	return nil
}
