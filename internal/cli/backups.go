package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
)

func (c *command) backupsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "backups", Aliases: []string{"backup"}, Short: "Make, list, download and delete backups of the database", Args: exactly(),
		Long: `Copies of the embedded database, made while the server works. They lie in the
folder backups of its data folder; download them to where a broken disk does
not take them too. A copy holds everything but the master key, which is the file
master.key of the data folder: keep that as well, and elsewhere.

To go back to a backup, stop the server, put the file in the place of picloud.db
(and remove picloud.db-wal and picloud.db-shm), and start it again.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listBackups(cmd.Context()) },
	}
	var file string
	download := &cobra.Command{
		Use: "download NAME", Short: "Download a backup", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.downloadBackup(cmd.Context(), args[0], cmp.Or(file, filepath.Base(args[0])))
		},
	}
	download.Flags().StringVarP(&file, "file", "f", "", "where to; its name in this folder if absent")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List the backups", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.listBackups(cmd.Context()) },
		},
		&cobra.Command{
			Use: "create", Short: "Copy the database as it is now", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.createBackup(cmd.Context()) },
		},
		download,
		&cobra.Command{
			Use: "delete NAME", Aliases: []string{"rm"}, Short: "Delete a backup", Args: exactly("NAME"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.deleteBackup(cmd.Context(), args[0]) },
		},
	)
	return cmd
}

func (c *command) listBackups(ctx context.Context) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var list api.Backups
	if err := cl.get(ctx, "/backups", nil, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Backups)
	}
	if !list.Possible {
		fmt.Fprintln(c.Stdout, "this instance keeps its data in PostgreSQL: back it up with pg_dump")
		return nil
	}
	rows := make([][]string, len(list.Backups))
	for i, b := range list.Backups {
		rows[i] = []string{b.Name, fmt.Sprintf("%.1f MiB", float64(b.Bytes)/(1<<20)), when(b.MadeAt)}
	}
	return c.table([]string{"BACKUP", "SIZE", "MADE"}, rows)
}

func (c *command) createBackup(ctx context.Context) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var b api.Backup
	if err := cl.post(ctx, "/backups", nil, &b); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(b)
	}
	fmt.Fprintf(c.Stdout, "made %s (%.1f MiB)\n", b.Name, float64(b.Bytes)/(1<<20))
	return nil
}

func (c *command) deleteBackup(ctx context.Context, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if err := cl.delete(ctx, path("backups", name)); err != nil {
		return err
	}
	fmt.Fprintf(c.Stdout, "deleted %s\n", name)
	return nil
}

// downloadBackup writes a backup to a new file for its owner only, which is
// there when it is complete.
func (c *command) downloadBackup(ctx context.Context, name, file string) (err error) {
	cl, err := c.client()
	if err != nil {
		return err
	}
	resp, err := cl.send(ctx, http.MethodGet, path("backups", name), nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return problemIn(resp, body)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file)
		}
	}()
	// Content-Length makes a copy that is cut short an error.
	n, err := io.Copy(f, resp.Body)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("download %s: %w", name, plain(err))
	}
	fmt.Fprintf(c.Stdout, "wrote %s (%.1f MiB)\n", file, float64(n)/(1<<20))
	return nil
}
