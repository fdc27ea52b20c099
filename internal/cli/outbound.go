package cli

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/outbound"
	"github.com/picloud/picloud/internal/picloud"
)

func (c *command) outboundCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "outbound", Short: "Show or say which hosts the app's scripts may call", Args: exactly(),
		Long: `Show or say which hosts the app's scripts may call with http. A host is a name, an
address, *.example.com for every name below one, or * for every public host;
with a port behind it if it is not 80 or 443.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.showOutbound(cmd) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "set HOST...", Short: "Let scripts call these hosts and no others; none lets them call nobody", Args: cobra.MinimumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return c.setOutbound(cmd, args) },
		},
		&cobra.Command{
			Use: "reset", Short: "Take the app's list away: the instance's holds", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error {
				cl, err := c.client()
				if err != nil {
					return err
				}
				return cl.delete(cmd.Context(), c.appPath("outbound"))
			},
		},
	)
	return cmd
}

func (c *command) showOutbound(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var o api.Outbound
	if err := cl.get(cmd.Context(), c.appPath("outbound"), nil, &o); err != nil {
		return err
	}
	return c.printOutbound(o)
}

func (c *command) setOutbound(cmd *cobra.Command, hosts []string) error {
	if len(hosts) == 1 && hosts[0] == noHosts {
		hosts = []string{}
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	var o api.Outbound
	if err := cl.put(cmd.Context(), c.appPath("outbound"), api.SetOutbound{Hosts: hosts}, &o); err != nil {
		return err
	}
	return c.printOutbound(o)
}

func (c *command) printOutbound(o api.Outbound) error {
	if c.output == outputJSON {
		return c.printJSON(o)
	}
	for _, h := range o.Hosts {
		fmt.Fprintln(c.Stdout, h)
	}
	if len(o.Hosts) == 0 {
		fmt.Fprintln(c.Stdout, "scripts of this app call nobody")
	}
	if !o.Own {
		fmt.Fprintln(c.Stderr, "this is the instance's list; the app has none of its own")
	}
	return nil
}

// noHosts is the list of no hosts, as it is written.
const noHosts = "none"

// hostsOfApps is the list of --outbound-hosts: for apps that have none of their own.
func (s *serverSettings) hostsOfApps() (picloud.OutHosts, error) {
	if s.outHosts == noHosts {
		return picloud.OutHosts{}, nil
	}
	hosts, err := picloud.OutHosts(list(s.outHosts)).Clean()
	if err != nil {
		return nil, message(err)
	}
	return hosts, nil
}

// openOutbound makes what makes the calls of scripts. Whatever networks are open
// to them, our own listeners are not.
func (s *server) openOutbound() {
	networks, _ := parseNetworks(s.settings.outNetworks) // they were validated
	cfg := outbound.Config{Networks: networks, Agent: "PiCloud/" + s.version}
	for _, l := range []net.Listener{s.public, s.admin, s.mqtt} {
		if l == nil {
			continue
		}
		if at, err := netip.ParseAddrPort(l.Addr().String()); err == nil {
			cfg.Own = append(cfg.Own, at)
		}
	}
	s.outbound = outbound.New(cfg)
	s.onClose(s.outbound.Close)
}
