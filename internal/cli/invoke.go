package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

// maxInvokeInput bounds the body that is read from a file; the server has
// limits of its own.
const maxInvokeInput = 64 << 20

func (c *command) invokeCommand() *cobra.Command {
	var in api.Invoke
	var data string
	var headers []string
	var include, later bool
	var delay time.Duration
	cmd := &cobra.Command{
		Use: "invoke NAME", Short: "Run a script once on a made-up request", Args: exactly("NAME"),
		Long:    "Run the live version of a script on a made-up request and show its response.\nThe exit code is 1 when the response has a status of 400 or more. With --async it is\nrun in the background, and \"picloud invocations status ID\" tells how it goes.",
		Example: "  picloud invoke hello\n  picloud invoke orders -d @body.json --path '/orders/7?full=1' --header 'Content-Type: application/json'",
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := c.readData(data)
			if err != nil {
				return err
			}
			if utf8.Valid(body) {
				in.Body = string(body)
			} else {
				in.BodyBase64 = base64.StdEncoding.EncodeToString(body)
			}
			if in.Headers, err = parseHeaders(headers, len(body) > 0); err != nil {
				return err
			}
			if later || delay > 0 {
				return c.invokeLater(cmd.Context(), args[0], in, delay)
			}
			return c.invoke(cmd.Context(), args[0], in, include)
		},
	}
	cmd.Flags().StringVarP(&data, "data", "d", "", "the body: text, @FILE, or @- for standard input")
	cmd.Flags().StringVarP(&in.Method, "method", "X", "", "the method (default GET, or POST with a body)")
	cmd.Flags().StringVar(&in.Path, "path", "", "path and query (default /NAME)")
	cmd.Flags().StringArrayVarP(&headers, "header", "H", nil, "a header as 'Name: value'; may be repeated")
	cmd.Flags().BoolVar(&later, "async", false, "have it run in the background, and print the id to ask for")
	cmd.Flags().DurationVar(&delay, "delay", 0, "how long it waits; with --async, which it implies")
	cmd.Flags().BoolVarP(&include, "include", "i", false, "show the status and the headers too")
	return cmd
}

// readData is the body that -d asks for.
func (c *command) readData(data string) ([]byte, error) {
	name, isFile := strings.CutPrefix(data, "@")
	if !isFile {
		return []byte(data), nil
	}
	if name == "-" {
		return readLimited(c.Stdin, "standard input", maxInvokeInput)
	}
	return readFile(name, maxInvokeInput)
}

func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f, name, limit)
}

func readLimited(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, nil
}

// parseHeaders reads headers as they are written on a command line. A body
// without a content type gets the one of JSON, as it mostly is.
func parseHeaders(texts []string, hasBody bool) ([]api.Header, error) {
	var list []api.Header
	typed := false
	for _, text := range texts {
		name, value, ok := strings.Cut(text, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usagef("--header is %q; write it as 'Name: value'", text)
		}
		typed = typed || strings.EqualFold(strings.TrimSpace(name), "Content-Type")
		list = append(list, api.Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	if hasBody && !typed {
		list = append(list, api.Header{Name: "Content-Type", Value: "application/json"})
	}
	return list, nil
}

func (c *command) invoke(ctx context.Context, name string, in api.Invoke, include bool) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var out api.Invoked
	if err := cl.post(ctx, c.scriptPath(name, "invoke"), in, &out); err != nil {
		return err
	}
	if err := c.printResponse(out, include); err != nil {
		return err
	}
	if out.Status >= 400 {
		fmt.Fprintf(c.Stderr, "error: the script answered with status %d\nhint: see its log with: picloud logs %s\n", out.Status, name)
		return errSilent
	}
	return nil
}

func (c *command) printResponse(out api.Invoked, include bool) error {
	if c.output == outputJSON {
		return c.printJSON(out)
	}
	if include {
		fmt.Fprintf(c.Stdout, "%d\n", out.Status)
		for _, h := range out.Headers {
			fmt.Fprintf(c.Stdout, "%s: %s\n", visible(h.Name), visible(h.Value))
		}
		fmt.Fprintln(c.Stdout)
	}
	body := out.Body
	if out.BodyBase64 != "" {
		raw, err := base64.StdEncoding.DecodeString(out.BodyBase64)
		if err != nil {
			return fmt.Errorf("read the body: %w", err)
		}
		body = string(raw)
	}
	if _, ok := terminal(c.Stdout); ok && body != "" && !strings.HasSuffix(body, "\n") {
		body += "\n"
	}
	return writeFor(c.Stdout, body)
}
