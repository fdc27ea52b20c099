package cli

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

// accountCommand is what is about one's own account.
func (c *command) accountCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "account", Short: "Your own account: password, second factors",
		Long: `Your own account. What changes how one signs in takes the password, and the second
factor when there is one. --password-stdin reads the password from standard input,
--code gives a code of the authenticator app or a recovery code; on a terminal both
are asked for.`,
	}
	cmd.AddCommand(c.accountShowCommand(), c.accountPasswordCommand(), c.accountEmailCommand(), c.totpCommand(), c.passkeysCommand(), c.recoveryCodesCommand())
	return cmd
}

// proofFlags is how a proof is given.
type proofFlags struct {
	passwordStdin bool
	code          string
}

func (f *proofFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.passwordStdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().StringVar(&f.code, "code", "", "code of the authenticator app, or a recovery code")
}

// prove gathers a proof: what no flag gives is asked for.
func (c *command) prove(ctx context.Context, cl *client, f proofFlags) (api.Proof, error) {
	var factors api.Factors
	if err := cl.get(ctx, "/me/factors", nil, &factors); err != nil {
		return api.Proof{}, err
	}
	password, err := c.readPassword(f.passwordStdin)
	if err != nil {
		return api.Proof{}, err
	}
	proof := api.Proof{Password: password, Code: f.code}
	if factors.Required && proof.Code == "" {
		proof.Code, err = c.askCode()
	}
	return proof, err
}

// askCode asks for a code on a terminal. It is shown while it is typed: it is
// good once.
func (c *command) askCode() (string, error) {
	if _, ok := terminal(c.Stdin); !ok {
		return "", usagef("a code is needed, of the authenticator app or a recovery code; give it with --code")
	}
	fmt.Fprint(c.Stderr, "Code of the authenticator app, or a recovery code: ")
	line, err := bufio.NewReader(c.Stdin).ReadString('\n')
	if code := strings.TrimSpace(line); code != "" {
		return code, nil
	}
	if err == nil {
		err = usagef("no code was given")
	}
	return "", err
}

func (c *command) accountShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the account and its second factors", Args: exactly(),
		RunE: c.signedIn(func(ctx context.Context, cl *client, _ []string) error {
			var me api.Me
			if err := cl.get(ctx, "/me", nil, &me); err != nil {
				return err
			}
			var f api.Factors
			if err := cl.get(ctx, "/me/factors", nil, &f); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(map[string]any{"user": me.User, "factors": f})
			}
			return c.table([]string{"USER", "E-MAIL", "ROLE", "AUTHENTICATOR APP", "PASSKEYS", "RECOVERY CODES LEFT"}, [][]string{{
				me.User.Username, me.User.Email, string(me.User.Role), state(f.TOTP), fmt.Sprint(f.Passkeys), fmt.Sprint(f.RecoveryCodes),
			}})
		}),
	}
}

// signedIn is the body of a command that needs a session.
func (c *command) signedIn(run func(ctx context.Context, cl *client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cl, err := c.client()
		if err != nil {
			return err
		}
		return run(cmd.Context(), cl, args)
	}
}

func (c *command) accountPasswordCommand() *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "password", Short: "Change your password; your other sessions end", Args: exactly(),
		RunE: c.signedIn(func(ctx context.Context, cl *client, _ []string) error {
			old, fresh, err := c.readPasswords(fromStdin)
			if err != nil {
				return err
			}
			if err := cl.do(ctx, http.MethodPatch, "/me", api.ChangeMe{CurrentPassword: old, Password: &fresh}, nil); err != nil {
				return err
			}
			fmt.Fprintln(c.Stderr, "the password is changed; other sessions have ended")
			return nil
		}),
	}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the current and the new password from standard input, a line each")
	return cmd
}

// readPasswords reads the current password and a new one.
func (c *command) readPasswords(fromStdin bool) (old, fresh string, err error) {
	if fromStdin {
		both, err := c.readPassword(true)
		old, fresh, found := strings.Cut(both, "\n")
		if err == nil && !found {
			err = usagef("standard input holds one line; the new password is on the second")
		}
		return strings.TrimSuffix(old, "\r"), fresh, err
	}
	if old, err = c.askPassword("Current password: "); err != nil {
		return "", "", err
	}
	if fresh, err = c.askPassword("New password: "); err != nil {
		return "", "", err
	}
	again, err := c.askPassword("New password again: ")
	if err == nil && again != fresh {
		err = usagef("the two new passwords differ")
	}
	return old, fresh, err
}

func (c *command) accountEmailCommand() *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "email ADDRESS", Short: "Change your e-mail address", Args: exactly("ADDRESS"),
		RunE: c.signedIn(func(ctx context.Context, cl *client, args []string) error {
			password, err := c.readPassword(fromStdin)
			if err != nil {
				return err
			}
			if err := cl.do(ctx, http.MethodPatch, "/me", api.ChangeMe{CurrentPassword: password, Email: &args[0]}, nil); err != nil {
				return err
			}
			fmt.Fprintf(c.Stderr, "the e-mail address is %s now\n", args[0])
			return nil
		}),
	}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (c *command) recoveryCodesCommand() *cobra.Command {
	var f proofFlags
	cmd := &cobra.Command{
		Use: "recovery-codes", Short: "Replace the recovery codes by new ones", Args: exactly(),
		RunE: c.signedIn(func(ctx context.Context, cl *client, _ []string) error {
			proof, err := c.prove(ctx, cl, f)
			if err != nil {
				return err
			}
			var out api.RecoveryCodes
			if err := cl.post(ctx, "/me/recovery-codes", proof, &out); err != nil {
				return err
			}
			return c.showRecoveryCodes(out.RecoveryCodes)
		}),
	}
	f.add(cmd)
	return cmd
}

// showRecoveryCodes shows codes for the only time.
func (c *command) showRecoveryCodes(codes []string) error {
	if c.output == outputJSON {
		return c.printJSON(api.RecoveryCodes{RecoveryCodes: codes})
	}
	if len(codes) == 0 {
		return nil
	}
	fmt.Fprintln(c.Stderr, "Recovery codes: each signs in once when the device is not at hand. They are not shown again; keep them safe.")
	for _, code := range codes {
		fmt.Fprintln(c.Stdout, code)
	}
	return nil
}
