package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/seal"
	"github.com/picloud/picloud/internal/secrets"
)

// openKeys reads the keys of the instance. The embedded database's are made at
// the first start. Processes that share a database must be given theirs: each
// would make another one.
func (s *server) openKeys() (*seal.Keyring, error) {
	at := s.settings.keyFile
	if at.Create && s.settings.database != "" {
		s.log.Warn("there is no key to seal secrets with: neither authenticator apps nor secrets of scripts can be set up; name one file for all processes in PICLOUD_MASTER_KEY_FILE")
		return nil, nil
	}
	keys, created, err := seal.Load(at)
	if err != nil {
		return nil, hinted("it is the file that PICLOUD_MASTER_KEY_FILE names, or "+seal.FileName+" in the data folder", "%w", err)
	}
	if created {
		s.log.Info("made the key that secrets are sealed with; keep a copy of it", "file", at.Path)
	}
	return keys, nil
}

// openAuth makes what knows people, and brings what is sealed under the current
// key. A server without the right key does not start: whoever relies on a
// second factor would be locked out, and what it sealed from now on would need
// yet another key.
func (s *server) openAuth(ctx context.Context) error {
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	if keys != nil {
		s.sealer = keys
	}
	cfg := auth.Config{
		Store: s.store, IDs: s.ids, Now: time.Now, Rand: rand.Reader, Log: s.log, Keys: keys, AdminURL: s.browserURL(),
	}
	if s.settings.role.admin {
		if cfg.OIDC, err = s.settings.oidc.config(); err != nil {
			return err
		}
	}
	s.auth, err = auth.New(cfg)
	if err != nil && cfg.OIDC != nil {
		return hinted("see the --oidc flags in picloud serve --help", "%w", err)
	}
	if err != nil {
		return err
	}
	s.vault = secrets.New(s.store, keys)
	changed, err := s.auth.Reseal(ctx)
	if err == nil {
		var more int
		more, err = s.vault.Reseal(ctx)
		changed += more
	}
	if errors.Is(err, seal.ErrUnknownKey) {
		return hinted("put back the file "+s.settings.keyFile.Path+" that belongs to this database", "the keys are not those of the database: %w", err)
	}
	if err != nil {
		return err
	}
	if changed > 0 {
		s.log.Info("secrets are sealed with the newest key now; older ones may go from the file", "secrets", changed, "key", keys.Current())
	}
	return nil
}

// browserURL is how browsers reach the admin listener: as --admin-url has it,
// or on this machine by a name, which passkeys need. It is nil without one.
func (s *server) browserURL() *url.URL {
	if s.settings.adminURL != "" {
		u, _ := url.Parse(s.settings.adminURL) // it was validated
		return u
	}
	if s.admin == nil {
		return nil
	}
	u, err := url.Parse(s.adminURL())
	if err != nil {
		return nil
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsLoopback() {
		u.Host = "localhost:" + u.Port()
	}
	return u
}

func (c *command) masterKeyCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{Use: "master-key", Short: "The key that secrets in the database are sealed with"}
	rotate := &cobra.Command{
		Use: "rotate", Short: "Add a new key to the key file", Args: exactly(),
		Long: `Add a new key to the key file on this machine: the one that PICLOUD_MASTER_KEY_FILE
names, or master.key in the data folder. The next start of the server seals all
secrets with it. Then the lines of older keys can be removed from the file.

In a cluster, copy the file to all nodes before any of them is started again.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if env := c.Getenv("PICLOUD_DATA"); env != "" && !cmd.Flags().Changed("data") {
				data = env
			}
			at := seal.Locate(c.Getenv, data)
			if err := seal.AddKey(at.Path); err != nil {
				return hinted("the server makes the file when it first starts", "add a key: %w", err)
			}
			path, err := filepath.Abs(at.Path)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.Stdout, "added a key to %s; it is used from the next start of the server on\n", path)
			return nil
		},
	}
	rotate.Flags().StringVar(&data, "data", defaultData, "folder of the embedded database")
	cmd.AddCommand(rotate)
	return cmd
}
