package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) domainsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "domains", Aliases: []string{"domain"}, Short: "Have an app answer on domains of your own", Args: exactly(),
		Long: `Have an app answer on domains of your own. A domain is added, proved to be yours
with a DNS record or a file, and then leads to the app.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listDomains(cmd) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List the app's domains", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.listDomains(cmd) },
		},
		&cobra.Command{
			Use: "add DOMAIN", Short: "Add a domain, and show how to prove it", Args: exactly("DOMAIN"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.addDomain(cmd, args[0]) },
		},
		&cobra.Command{
			Use: "show DOMAIN", Short: "Show a domain, and how to prove it", Args: exactly("DOMAIN"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.showDomain(cmd, args[0]) },
		},
		c.verifyDomainCommand(),
		&cobra.Command{
			Use: "remove DOMAIN", Aliases: []string{"rm"}, Short: "Remove a domain; it leads nowhere at once", Args: exactly("DOMAIN"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.removeDomain(cmd, args[0]) },
		},
	)
	return cmd
}

func (c *command) domainPath(more ...string) string {
	return path(append([]string{"apps", c.app, "domains"}, more...)...)
}

func (c *command) listDomains(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var list api.Domains
	if err := cl.get(cmd.Context(), c.domainPath(), nil, &list); err != nil {
		return err
	}
	if c.output == outputJSON {
		return c.printJSON(list.Domains)
	}
	rows := make([][]string, len(list.Domains))
	for i, d := range list.Domains {
		rows[i] = []string{d.Name, proofState(d), d.CreatedBy, when(d.CreatedAt)}
	}
	return c.table([]string{"DOMAIN", "STATE", "BY", "ADDED"}, rows)
}

// proofState is whether a domain leads to its app.
func proofState(d api.Domain) string {
	if d.Verified {
		return "verified (" + string(d.VerifiedBy) + ")"
	}
	return "not verified"
}

func (c *command) addDomain(cmd *cobra.Command, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var d api.Domain
	if err := cl.post(cmd.Context(), c.domainPath(), api.NewDomain{Name: name}, &d); err != nil {
		return err
	}
	return c.printDomain(d)
}

func (c *command) showDomain(cmd *cobra.Command, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var d api.Domain
	if err := cl.get(cmd.Context(), c.domainPath(name), nil, &d); err != nil {
		return err
	}
	return c.printDomain(d)
}

func (c *command) verifyDomainCommand() *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use: "verify DOMAIN", Short: "Look for a domain's proof, and have it lead to the app", Args: exactly("DOMAIN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			var d api.Domain
			if err := cl.post(cmd.Context(), c.domainPath(args[0], "verify"), api.VerifyDomain{By: picloud.ProofKind(by)}, &d); err != nil {
				return err
			}
			return c.printDomain(d)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "where to look: dns or http (default both); or vouch: take my word, for who manages the instance")
	return cmd
}

func (c *command) removeDomain(cmd *cobra.Command, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if err := cl.delete(cmd.Context(), c.domainPath(name)); err != nil {
		return err
	}
	if c.output == outputTable {
		fmt.Fprintf(c.Stdout, "removed %s\n", visible(name))
	}
	return nil
}

// printDomain shows a domain and, unless it is verified, what has to be done.
func (c *command) printDomain(d api.Domain) error {
	if c.output == outputJSON {
		return c.printJSON(d)
	}
	fmt.Fprintf(c.Stdout, "%s  %s  %s\n", d.Name, d.App, proofState(d))
	if p := d.Proof; p != nil {
		fmt.Fprintf(c.Stdout, `
Prove that it is yours in one of two ways:
  a DNS record   %s  TXT  "%s"
  or a file      %s
                 that holds %s
and then run: picloud domains verify %s
`, p.RecordName, p.RecordValue, p.URL, p.Body, d.Name)
	}
	return nil
}
