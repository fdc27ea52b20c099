package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/picloud"
)

// recoverCommand lets the operator of the machine back in. Whoever can read the
// data folder could do as much with other tools.
func (c *command) recoverCommand() *cobra.Command {
	s := serverSettings{role: role{public: true, admin: true}, listen: defaultListen, adminListen: defaultAdminListen}
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "recover USER", Short: "Give a user a new password and remove their second factors, on the server's machine", Args: exactly("USER"),
		Long: `Give a user, by name, a new password, remove their second factors, and make the account
active: for an owner who cannot sign in any more and has nobody to ask. It works on the
database itself, so that the server has to be stopped when that is the embedded one.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.complete(c.Getenv, cmd.Flags().Changed); err != nil {
				return err
			}
			password, err := c.readPassword(fromStdin)
			if err != nil {
				return err
			}
			return c.recoverUser(cmd.Context(), s, args[0], password)
		},
	}
	cmd.Flags().StringVar(&s.data, "data", defaultData, "folder of the embedded database")
	cmd.Flags().StringVar(&s.database, "database", "", "URL of another database")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the new password from standard input")
	return cmd
}

func (c *command) recoverUser(ctx context.Context, s serverSettings, name, password string) error {
	log, err := newLogger(c.Stderr, "text", "warn")
	if err != nil {
		return err
	}
	srv := &server{settings: s, log: log, version: c.Version}
	defer srv.close()
	if err := srv.open(ctx); err != nil {
		return err
	}
	people, err := auth.New(auth.Config{Store: srv.store, IDs: srv.ids, Now: time.Now, Rand: rand.Reader, Log: log})
	if err != nil {
		return err
	}
	u, err := srv.store.UserByName(ctx, name)
	if err != nil {
		return message(err)
	}
	active := true
	operator := picloud.Principal{}
	if _, _, err := people.ChangeUser(ctx, operator, u, auth.UserChange{Password: &password, Active: &active}); err != nil {
		return message(err)
	}
	if err := people.ResetFactors(ctx, operator, u); err != nil {
		return message(err)
	}
	fmt.Fprintf(c.Stderr, "%s (%s) has the new password and no second factor; all their sessions have ended\n", u.Username, u.Role)
	return nil
}

func (c *command) resetFactorsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reset-factors USER", Short: "Remove all second factors of a user who has lost them", Args: exactly("USER"),
		RunE: c.signedIn(func(ctx context.Context, cl *client, args []string) error {
			if err := cl.post(ctx, path("users", args[0], "reset-factors"), nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(c.Stderr, "%s has no second factors any more, and is signed in nowhere\n", args[0])
			return nil
		}),
	}
}
