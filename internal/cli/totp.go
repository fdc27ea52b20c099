package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

func (c *command) totpCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "totp", Short: "The authenticator app of your account"}
	cmd.AddCommand(c.totpEnableCommand(), c.totpConfirmCommand(), c.totpDisableCommand())
	return cmd
}

func (c *command) totpEnableCommand() *cobra.Command {
	var f proofFlags
	cmd := &cobra.Command{
		Use: "enable", Short: "Set up an authenticator app", Args: exactly(),
		Long: `Set up an authenticator app: scan the code with it, and type what it shows. Without a
terminal the second half is a command of its own: picloud account totp confirm CODE.`,
		RunE: c.signedIn(func(ctx context.Context, cl *client, _ []string) error {
			proof, err := c.prove(ctx, cl, f)
			if err != nil {
				return err
			}
			var e api.Enrolment
			if err := cl.post(ctx, "/me/totp", proof, &e); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(e)
			}
			_, interactive := terminal(c.Stdin)
			if interactive {
				fmt.Fprint(c.Stdout, blocks(e.QR))
			}
			fmt.Fprintf(c.Stdout, "secret  %s\nuri     %s\n", e.Secret, e.URI)
			if !interactive {
				fmt.Fprintln(c.Stderr, "finish with: picloud account totp confirm CODE")
				return nil
			}
			code, err := c.askCode()
			if err != nil {
				return err
			}
			return c.confirmTOTP(ctx, cl, code)
		}),
	}
	f.add(cmd)
	return cmd
}

// blocks draws a QR code, given as lines of 0 and 1, with half blocks: two rows
// in a line of the terminal. Light is drawn, so that it can be scanned from a
// dark terminal; the zone around it does the rest on a light one.
func blocks(code string) string {
	rows := strings.Split(strings.TrimSuffix(code, "\n"), "\n")
	var b strings.Builder
	for y := 0; y < len(rows); y += 2 {
		for x := range rows[y] {
			top := rows[y][x] == '0'
			bottom := y+1 < len(rows) && x < len(rows[y+1]) && rows[y+1][x] == '0'
			switch {
			case top && bottom:
				b.WriteString("█")
			case top:
				b.WriteString("▀")
			case bottom:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (c *command) totpConfirmCommand() *cobra.Command {
	return &cobra.Command{
		Use: "confirm CODE", Short: "Finish setting up an authenticator app with a code of it", Args: exactly("CODE"),
		RunE: c.signedIn(func(ctx context.Context, cl *client, args []string) error {
			return c.confirmTOTP(ctx, cl, args[0])
		}),
	}
}

func (c *command) confirmTOTP(ctx context.Context, cl *client, code string) error {
	var out api.RecoveryCodes
	if err := cl.post(ctx, "/me/totp/confirm", api.ConfirmTOTP{Code: code}, &out); err != nil {
		return err
	}
	fmt.Fprintln(c.Stderr, "the authenticator app is set up; signing in asks for its code from now on")
	return c.showRecoveryCodes(out.RecoveryCodes)
}

func (c *command) totpDisableCommand() *cobra.Command {
	var f proofFlags
	cmd := &cobra.Command{
		Use: "disable", Short: "Remove the authenticator app", Args: exactly(),
		RunE: c.signedIn(func(ctx context.Context, cl *client, _ []string) error {
			proof, err := c.prove(ctx, cl, f)
			if err != nil {
				return err
			}
			if err := cl.post(ctx, "/me/totp/remove", proof, nil); err != nil {
				return err
			}
			fmt.Fprintln(c.Stderr, "the authenticator app is removed")
			return nil
		}),
	}
	f.add(cmd)
	return cmd
}
