package cli

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// auditFlags is what the audit log can be asked for by.
type auditFlags struct {
	user, action, target string
	failed               bool
	since                time.Duration
	before               int64
	limit                int
}

func (f auditFlags) query(now time.Time) url.Values {
	q := url.Values{"limit": {strconv.Itoa(f.limit)}}
	for name, value := range map[string]string{"user": f.user, "action": f.action, "target": f.target} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.failed {
		q.Set("failed", "true")
	}
	if f.since > 0 {
		q.Set("since", now.Add(-f.since).UTC().Format(time.RFC3339))
	}
	if f.before > 0 {
		q.Set("before", strconv.FormatInt(f.before, 10))
	}
	return q
}

func (c *command) auditCommand() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use: "audit", Short: "Show who did what, the newest first", Args: exactly(),
		Long: `Show who changed what and who signed in, the newest first. With --app it is what
concerns that app, which the app's admins may read too.`,
		Example: "  picloud audit --since 24h\n  picloud audit --user bob --failed\n  picloud audit --app shop --action deploy -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			at := "/audit"
			if cmd.Flags().Changed("app") {
				at = path("apps", c.app, "audit")
			}
			var page api.Audit
			if err := cl.get(cmd.Context(), at, f.query(time.Now()), &page); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(page)
			}
			return c.printAudit(page)
		},
	}
	cmd.Flags().StringVar(&f.user, "user", "", "only what this user did")
	cmd.Flags().StringVar(&f.action, "action", "", "only this action, such as deploy or login")
	cmd.Flags().StringVar(&f.target, "target", "", "only what was done to this")
	cmd.Flags().BoolVar(&f.failed, "failed", false, "only what did not go well")
	cmd.Flags().DurationVar(&f.since, "since", 0, "only from so long ago on, like 24h")
	cmd.Flags().Int64Var(&f.before, "before", 0, "only entries with a lower number, for the next page")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "how many")
	return cmd
}

func (c *command) printAudit(page api.Audit) error {
	rows := make([][]string, len(page.Entries))
	for i, e := range page.Entries {
		rows[i] = []string{
			strconv.FormatInt(e.Seq, 10), when(e.At), actorName(e), e.Action, e.Outcome, orDash(e.App), orDash(e.Target), e.Address, changeText(e),
		}
	}
	return c.table([]string{"SEQ", "AT", "WHO", "ACTION", "OUTCOME", "APP", "TARGET", "FROM", "CHANGE"}, rows)
}

// actorName is who did it.
func actorName(e picloud.AuditEntry) string {
	switch {
	case e.KeyName != "":
		return e.Username + " (key " + e.KeyName + ")"
	case e.Username == "":
		return orDash(string(e.Actor))
	}
	return e.Username
}

// changeText is what was and is, as JSON.
func changeText(e picloud.AuditEntry) string {
	var parts []string
	for _, fields := range []map[string]any{e.Before, e.After} {
		if len(fields) > 0 {
			if encoded, err := json.Marshal(fields); err == nil {
				parts = append(parts, string(encoded))
			}
		}
	}
	return strings.Join(parts, " -> ")
}
