package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// maxPasswordInput bounds what is read as a password.
const maxPasswordInput = 4 << 10

func (c *command) loginCommand() *cobra.Command {
	var username, code string
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "login URL", Short: "Sign in to a server", Args: between(0, "URL"),
		Long:    "Sign in to the server with this admin address, and remember it. Without URL it is PICLOUD_URL, or the one of the last login.",
		Example: "  picloud login http://127.0.0.1:8081 --username ada\n  echo \"$PASSWORD\" | picloud login http://127.0.0.1:8081 --username ada --password-stdin",
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := c.loginAddress(args)
			if err != nil {
				return err
			}
			if username == "" {
				return usagef("login needs --username")
			}
			if overheard(address) {
				fmt.Fprintf(c.Stderr, "warning: %s is not https, so that others on the way can read the password\n", address)
			}
			password, err := c.readPassword(fromStdin)
			if err != nil {
				return err
			}
			return c.login(cmd.Context(), address, api.Login{Login: username, Password: password}, code)
		},
	}
	cmd.Flags().StringVarP(&username, "username", "u", "", "user name or e-mail address")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().StringVar(&code, "code", "", "code of the authenticator app, or a recovery code, where a second factor is asked for")
	return cmd
}

func (c *command) loginAddress(args []string) (string, error) {
	if len(args) > 0 {
		return serverURL(args[0])
	}
	if env := c.Getenv("PICLOUD_URL"); env != "" {
		return serverURL(env)
	}
	cr, err := c.stored()
	if err == nil && cr.URL == "" {
		err = usagef("login needs the admin address of a server, like http://127.0.0.1:8081")
	}
	return cr.URL, err
}

// readPassword reads one from standard input, or asks for it on a terminal.
// It is never an argument, which every process on the machine could read.
func (c *command) readPassword(fromStdin bool) (string, error) {
	if !fromStdin {
		return c.askPassword("Password: ")
	}
	data, err := io.ReadAll(io.LimitReader(c.Stdin, maxPasswordInput+1))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if password == "" || len(data) > maxPasswordInput {
		return "", usagef("standard input holds no password")
	}
	return password, nil
}

// askPassword asks for a password on the terminal.
func (c *command) askPassword(prompt string) (string, error) {
	fd, ok := terminal(c.Stdin)
	if !ok {
		return "", usagef("there is no terminal to ask for the password on; give it with --password-stdin")
	}
	fmt.Fprint(c.Stderr, prompt)
	password, err := term.ReadPassword(fd)
	fmt.Fprintln(c.Stderr)
	return string(password), err
}

// login signs in and remembers the session. The code is asked for when it is
// needed and "".
func (c *command) login(ctx context.Context, address string, login api.Login, code string) error {
	var in api.SignedIn
	cl := c.clientFor(credentials{URL: address})
	err := cl.post(ctx, "/login", login, &in)
	if isCode(err, picloud.CodeNotFound) { // it is a PiCloud, but its public side
		return hinted("is this the admin address? The server prints it when it starts", "one cannot sign in at %s", address)
	}
	if err != nil {
		return err
	}
	if in.MFA != nil {
		if in, err = c.loginCode(ctx, cl, *in.MFA, code); err != nil {
			return err
		}
	}
	if in.User == nil {
		return fmt.Errorf("%s does not answer like a PiCloud of this version", address)
	}
	if err := c.save(credentials{URL: address, Token: in.Token, Username: in.User.Username}); err != nil {
		return fmt.Errorf("remember the session: %w", err)
	}
	if c.output == outputJSON {
		return c.printJSON(map[string]any{"url": address, "user": in.User, "expires_at": in.ExpiresAt})
	}
	fmt.Fprintf(c.Stdout, "signed in to %s as %s (%s)\n", address, in.User.Username, in.User.Role)
	return nil
}

// loginCode finishes a sign-in with a code. A passkey takes a browser.
func (c *command) loginCode(ctx context.Context, cl *client, mfa api.Challenge, code string) (in api.SignedIn, err error) {
	if !slices.Contains(mfa.Methods, "totp") && !slices.Contains(mfa.Methods, "recovery_code") {
		return in, hinted("set up an authenticator app in a browser, or use an API key", "this account signs in with a passkey, which takes a browser")
	}
	if code == "" {
		if code, err = c.askCode(); err != nil {
			return in, err
		}
	}
	return in, cl.post(ctx, "/login/code", api.LoginCode{Challenge: mfa.Challenge, Code: code}, &in)
}

func (c *command) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End the session", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cr, err := c.stored()
			if err != nil {
				return err
			}
			if cr.Token == "" {
				return &failure{err: errNotSignedIn}
			}
			// Forgotten first: a server that is away must not keep somebody
			// from leaving the token behind.
			if err := c.save(credentials{URL: cr.URL, Username: cr.Username}); err != nil {
				return fmt.Errorf("forget the session: %w", err)
			}
			err = c.clientFor(cr).post(cmd.Context(), "/logout", nil, nil)
			var problem *api.Problem
			if err != nil && !(errors.As(err, &problem) && problem.Status == 401) { // it had ended already
				return fmt.Errorf("the session is forgotten here, but not ended on the server: %w", err)
			}
			fmt.Fprintf(c.Stderr, "signed out of %s\n", cr.URL)
			return nil
		},
	}
}

func (c *command) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show who is signed in, and where", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var me api.Me
			if err := cl.get(cmd.Context(), "/me", nil, &me); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(map[string]any{"url": cl.base, "user": me.User, "capabilities": me.Capabilities, "apps": me.Apps, "key": me.Key})
			}
			fmt.Fprintf(c.Stdout, "%s (%s, %s) at %s\n", me.User.Username, me.User.Role, me.User.Email, cl.base)
			if me.Key != nil {
				fmt.Fprintf(c.Stdout, "  by the key %s (%s)\n", visible(me.Key.Name), scopeNames(*me.Key))
			}
			for _, m := range me.Apps {
				fmt.Fprintf(c.Stdout, "  %s of %s\n", m.Role, m.App)
			}
			return nil
		},
	}
}
