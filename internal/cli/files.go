package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// filesCommand is picloud files with its verbs.
func (c *command) filesCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "files", Short: "Look at and change the files of the app", Args: exactly()}
	cmd.AddCommand(
		c.listFilesCommand(),
		c.putFileCommand(),
		&cobra.Command{
			Use: "get NAME [FILE]", Short: "Write the content of a file to a file here, or to standard output", Args: between(1, "NAME", "FILE"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.getFile(cmd, args) },
		},
		c.setFileCommand(),
		&cobra.Command{
			Use: "rm NAME", Aliases: []string{"delete"}, Short: "Remove a file", Args: exactly("NAME"),
			RunE: func(cmd *cobra.Command, args []string) error {
				cl, err := c.client()
				if err != nil {
					return err
				}
				return cl.delete(cmd.Context(), c.filePath("file", url.Values{"name": {args[0]}}))
			},
		},
	)
	return cmd
}

func (c *command) filePath(what string, q url.Values) string {
	return c.appPath("files", what) + "?" + q.Encode()
}

func (c *command) listFilesCommand() *cobra.Command {
	var after string
	var limit int
	cmd := &cobra.Command{
		Use: "ls [PREFIX]", Aliases: []string{"list"}, Short: "List files, in the order of the bytes of their names", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}, "after": {after}}
			if len(args) == 1 {
				q.Set("prefix", args[0])
			}
			var page api.Files
			if err := cl.get(cmd.Context(), c.appPath("files"), q, &page); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(page)
			}
			return c.printFiles(page)
		},
	}
	cmd.Flags().StringVar(&after, "after", "", "only names after this one")
	cmd.Flags().IntVarP(&limit, "limit", "n", picloud.DefaultPage, "how many at most")
	return cmd
}

func (c *command) printFiles(page api.Files) error {
	rows := make([][]string, len(page.Files))
	for i, f := range page.Files {
		open := "private"
		if f.Open {
			open = "open"
		}
		rows[i] = []string{f.Name, strconv.FormatInt(f.Size, 10), f.Type, open, when(f.WrittenAt)}
	}
	if err := c.table([]string{"NAME", "BYTES", "TYPE", "READ", "WRITTEN"}, rows); err != nil || !page.More {
		return err
	}
	_, err := fmt.Fprintln(c.Stderr, "there are more: go on with --after and the last name")
	return err
}

func (c *command) putFileCommand() *cobra.Command {
	var kind string
	var open bool
	cmd := &cobra.Command{
		Use: "put FILE [NAME]", Short: "Keep a file from here, - for standard input", Args: between(1, "FILE", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := filepath.Base(args[0])
			if len(args) == 2 {
				name = args[1]
			} else if args[0] == "-" {
				return usagef("what comes from standard input needs a NAME")
			}
			if kind == "" {
				kind = mime.TypeByExtension(filepath.Ext(name))
			}
			return c.putFile(cmd, args[0], url.Values{"name": {name}, "open": {strconv.FormatBool(open)}}, kind)
		},
	}
	cmd.Flags().StringVar(&kind, "type", "", "media type (default made from the name)")
	cmd.Flags().BoolVar(&open, "open", false, "everybody may read it")
	return cmd
}

func (c *command) putFile(cmd *cobra.Command, from string, q url.Values, kind string) error {
	body, size := c.Stdin, int64(-1)
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		body, size = f, info.Size()
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	var stored api.File
	if err := cl.upload(cmd.Context(), c.filePath("content", q), body, size, kind, &stored); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(stored)
	}
	_, err = fmt.Fprintf(c.Stdout, "%s, %d bytes, %s\n", stored.Name, stored.Size, stored.Type)
	return err
}

// upload sends octets, size of them or with -1 as many as there are.
func (cl *client) upload(ctx context.Context, path string, body io.Reader, size int64, kind string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, cl.base+api.Prefix+path, io.NopCloser(body))
	if err != nil {
		return err
	}
	req.ContentLength = size
	if size == 0 {
		req.Body = http.NoBody
	}
	if kind == "" {
		kind = picloud.DefaultFileType
	}
	req.Header.Set("Content-Type", kind)
	resp, err := cl.submit(req)
	if err != nil {
		return err
	}
	return cl.read(resp, out)
}

func (c *command) getFile(cmd *cobra.Command, args []string) (err error) {
	cl, err := c.client()
	if err != nil {
		return err
	}
	resp, err := cl.send(cmd.Context(), http.MethodGet, c.filePath("content", url.Values{"name": {args[0]}}), nil, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return cl.read(resp, nil)
	}
	defer resp.Body.Close()
	out := c.Stdout
	if len(args) == 2 {
		f, err := os.OpenFile(args[1], os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	n, err := io.Copy(out, resp.Body)
	if err == nil && n != resp.ContentLength {
		err = fmt.Errorf("the content ended after %d of %d bytes", n, resp.ContentLength)
	}
	return err
}

func (c *command) setFileCommand() *cobra.Command {
	var kind string
	var open bool
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change the type of a file, or whether everybody may read it", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var set api.SetFile
			if cmd.Flags().Changed("type") {
				set.Type = &kind
			}
			if cmd.Flags().Changed("open") {
				set.Open = &open
			}
			if set == (api.SetFile{}) {
				return usagef("say what to change, with --type or --open")
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			return cl.patch(cmd.Context(), c.filePath("file", url.Values{"name": {args[0]}}), set, nil)
		},
	}
	cmd.Flags().StringVar(&kind, "type", "", "media type")
	cmd.Flags().BoolVar(&open, "open", false, "everybody may read it; --open=false: no more")
	return cmd
}
