package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/store"
)

func (c *command) migrateDataCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "migrate-data --from PLACE --to PLACE", Short: "Copy an instance from SQLite to PostgreSQL, or back", Args: exactly(),
		Long: `Copy a whole instance from the embedded database to PostgreSQL, or back. A PLACE is
the data folder of a server, or a URL like postgres://USER@HOST/DATABASE; a
password comes from PGPASSWORD or ~/.pgpass. Servers on both are to be stopped,
and the target is to be new. Every row is read back and compared, and nothing is
kept unless all are the same. The source stays as it is.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || to == "" {
				return usagef("--from and --to are needed")
			}
			if _, err := os.Stat(filepath.Join(from, "picloud.db")); err != nil && !strings.Contains(from, "://") {
				return fmt.Errorf("there is no database in %s: %w", from, err)
			}
			return c.migrateData(cmd.Context(), from, to)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "data folder or URL to copy from")
	cmd.Flags().StringVar(&to, "to", "", "data folder or URL to copy to")
	return cmd
}

func (c *command) migrateData(ctx context.Context, from, to string) error {
	source, unlockSource, err := place(from)
	if err != nil {
		return err
	}
	defer unlockSource.Close()
	target, unlockTarget, err := place(to)
	if err != nil {
		return err
	}
	defer unlockTarget.Close()
	tables, err := store.Transfer(ctx, source, target)
	if err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(tables)
	}
	rows := make([][]string, len(tables))
	for i, t := range tables {
		rows[i] = []string{t.Table, fmt.Sprint(t.Rows)}
	}
	if err := c.table([]string{"TABLE", "ROWS"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(c.Stderr, "copied and compared; the secrets' key is not in the database: keep the one that the server has")
	return nil
}

// place is the database at one end, and what closes to let servers use it.
func place(at string) (store.Config, io.Closer, error) {
	cfg := store.Config{Path: at, Now: time.Now, IDs: picloud.NewIDs(time.Now, rand.Reader), Log: slog.New(slog.DiscardHandler)}
	if strings.Contains(at, "://") {
		if err := validateDatabase(at); err != nil {
			return cfg, nil, err
		}
		if holdsPassword(at) {
			return cfg, nil, hinted("set PGPASSWORD, or use ~/.pgpass",
				"the URL holds a password, which everybody on this machine could read in the list of processes")
		}
		return cfg, io.NopCloser(nil), nil
	}
	lock, err := lockData(at)
	cfg.Path = filepath.Join(at, "picloud.db")
	return cfg, lock, err
}
