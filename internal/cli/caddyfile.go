package cli

import (
	_ "embed"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/domains"
	"github.com/picloud/picloud/internal/orchestrator"
)

//go:embed caddyfile.tmpl
var caddyfileText string

// caddyfileFlags is what a Caddyfile is asked for with.
type caddyfileFlags struct {
	cluster   bool
	nodes     []string
	manager   string
	publicURL string
	adminHost string
	email     string
	askPort   string
}

func (c *command) caddyfileCommand() *cobra.Command {
	var f caddyfileFlags
	cmd := &cobra.Command{
		Use: "caddyfile", Short: "Print a configuration for Caddy, to stand in front", Args: exactly(),
		Long: `Print a configuration for Caddy, which stands in front: TLS with certificates that
it gets by itself, also for custom domains; the admin API on a host of its own; and
for a cluster the balance between its nodes.

    picloud caddyfile --public-url https://apps.example.org
    picloud caddyfile --public-url https://apps.example.org --cluster \
        --node 10.0.0.1:8080 --node 10.0.0.2:8080 --manager 10.0.0.9:8081

It is made from the flags alone: no server is asked.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.complete(c.Getenv, cmd.Flags().Changed)
			return f.print(c.Stdout)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.publicURL, "public-url", "", "how clients reach the apps, like https://apps.example.org (also PICLOUD_PUBLIC_URL)")
	flags.StringVar(&f.adminHost, "admin-host", "", "host of the admin API (default admin.<the public host>)")
	flags.StringVar(&f.email, "email", "", "address that the certificate authority may write to")
	flags.BoolVar(&f.cluster, "cluster", false, "for a cluster")
	flags.StringArrayVar(&f.nodes, "node", nil, "HOST:PORT of a node's orchestrator; one for each (default that of --listen on this machine)")
	flags.StringVar(&f.manager, "manager", "", "HOST:PORT of the manager (default that of --admin-listen on this machine)")
	flags.StringVar(&f.askPort, "ask-port", "2020", "a free port on Caddy's machine, for its own questions in a cluster")
	return cmd
}

// complete takes what no flag says from the variables that the server reads.
func (f *caddyfileFlags) complete(getenv func(string) string, changed func(flag string) bool) {
	local := func(name, fallback string) string {
		listen := getenv(name)
		if listen == "" {
			listen = fallback
		}
		host, port, err := net.SplitHostPort(listen)
		if err != nil {
			return listen
		}
		if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		return net.JoinHostPort(host, port)
	}
	if !changed("public-url") {
		f.publicURL = getenv("PICLOUD_PUBLIC_URL")
	}
	if len(f.nodes) == 0 && !f.cluster {
		f.nodes = []string{local("PICLOUD_LISTEN", defaultListen)}
	}
	if f.manager == "" {
		f.manager = local("PICLOUD_ADMIN_LISTEN", defaultAdminListen)
	}
}

// caddyfile is what the template is filled in with.
type caddyfile struct {
	Flags     string // as they were given, for whoever reads the file
	Public    string
	AdminSite string
	Email     string
	Cluster   bool
	TLS       bool
	Nodes     []string
	Manager   string
	Ask       string // URL of the question whether a host may have a certificate
	AskPort   string
	Ready     string // path that tells whether a node takes requests
	HTTPPort  string // "" is the usual one
	HTTPSPort string
}

func (f *caddyfileFlags) print(w io.Writer) error {
	t, err := template.New("").Parse(caddyfileText)
	if err != nil {
		return err
	}
	file, err := f.file()
	if err != nil {
		return err
	}
	return t.Execute(w, file)
}

// file validates the flags. What gets into the file is nothing but hosts and
// ports, so that no flag can say more than it means.
func (f *caddyfileFlags) file() (*caddyfile, error) {
	public, base, err := f.public()
	if err != nil {
		return nil, err
	}
	file := &caddyfile{
		Flags: f.String(), Public: public.Scheme + "://" + public.Host, Email: f.email, Cluster: f.cluster, TLS: public.Scheme == "https",
		Nodes: f.nodes, Manager: f.manager, AskPort: f.askPort, Ready: orchestrator.ReadyPath,
	}
	if file.TLS {
		file.HTTPSPort = public.Port()
	} else {
		file.HTTPPort = public.Port()
	}
	if f.cluster && len(f.nodes) == 0 {
		return nil, usagef("--cluster needs the orchestrator of each node, like --node 10.0.0.1:8080")
	}
	for _, address := range append([]string{f.manager, "127.0.0.1:" + f.askPort}, f.nodes...) {
		if err := validateUpstream(address); err != nil {
			return nil, err
		}
	}
	admin := f.adminHost
	if admin == "" {
		admin = "admin." + base
	}
	if admin, err = domains.Host(admin); err != nil {
		return nil, usagef("--admin-host: %v", message(err))
	}
	if admin == base {
		return nil, usagef("--admin-host is the host of the apps: what scripts answer must not share it")
	}
	if strings.ContainsAny(f.email, " \t\r\n{}\"`#\\") {
		return nil, usagef("--email is %q, which is not an address", f.email)
	}
	file.AdminSite = public.Scheme + "://" + admin
	file.Ask = "http://" + f.nodes[0] + orchestrator.TLSAskPath
	if f.cluster {
		file.Ask = "http://127.0.0.1:" + f.askPort + orchestrator.TLSAskPath
	}
	return file, nil
}

// public is the address of the apps and its domain.
func (f *caddyfileFlags) public() (*url.URL, string, error) {
	const hint = "name it with --public-url https://apps.example.org or PICLOUD_PUBLIC_URL"
	if f.publicURL == "" {
		return nil, "", &failure{err: usagef("what is the public address?"), hint: hint}
	}
	text, err := serverURL(f.publicURL)
	if err != nil {
		return nil, "", err
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, "", err
	}
	base, err := domains.Host(u.Hostname())
	if err != nil {
		return nil, "", &failure{err: usagef("--public-url: %v", message(err)), hint: hint}
	}
	if u.Scheme == "https" && (base == "localhost" || strings.HasSuffix(base, ".localhost")) {
		return nil, "", usagef("--public-url: there are no certificates for %s; use http:// there", base)
	}
	return u, base, nil
}

// validateUpstream wants HOST:PORT that Caddy cannot read as anything else.
func validateUpstream(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil && host != "" {
		_, err = net.LookupPort("tcp", port)
	} else if err == nil {
		err = errors.New("there is no host")
	}
	if err != nil || strings.Trim(port, "0123456789") != "" ||
		strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-._:") != "" {
		return usagef("%q is not HOST:PORT", address)
	}
	return nil
}

// String is the flags as somebody would write them.
func (f *caddyfileFlags) String() string {
	var b strings.Builder
	add := func(flag, value string) {
		if value != "" {
			b.WriteString(" --" + flag + " " + value)
		}
	}
	add("public-url", f.publicURL)
	add("admin-host", f.adminHost)
	add("email", f.email)
	if f.cluster {
		b.WriteString(" --cluster")
	}
	for _, n := range f.nodes {
		add("node", n)
	}
	add("manager", f.manager)
	if f.cluster && f.askPort != "2020" {
		add("ask-port", f.askPort)
	}
	return b.String()
}
