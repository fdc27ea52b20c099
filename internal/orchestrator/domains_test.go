package orchestrator

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// addDomain gives an app a domain and, if asked to, verifies it.
func (n *node) addDomain(app, name string, verify bool) {
	n.t.Helper()
	_, err := n.store.AddDomain(n.t.Context(), picloud.NewDomain{App: app, Name: name, Challenge: "c"})
	if err == nil && verify {
		_, err = n.store.VerifyDomain(n.t.Context(), app, name, "c", picloud.ProofDNS)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// appOn is the app that answers GET /who on a host, or the status.
func (n *node) appOn(host string) string {
	n.t.Helper()
	a := n.do("GET", "/who", "", "Host: "+host)
	if a.status != 200 {
		return a.code()
	}
	return a.body
}

func (n *node) wantApps(when string, want map[string]string) {
	n.t.Helper()
	for host, app := range want {
		if got := n.appOn(host); got != app {
			n.t.Errorf("%s: %s is answered by %q, want %q", when, host, got, app)
		}
	}
}

func withBase(c *Config) { c.BaseDomain = "apps.example.net" }

// startApps starts a node with the apps shop and blog, each of which says its
// name.
func startApps(t *testing.T, edits ...func(*Config)) *node {
	n := startNode(t, nil, append(edits, withBase)...)
	for _, app := range []string{"shop", "blog"} {
		if _, err := n.store.CreateApp(t.Context(), app); err != nil {
			t.Fatal(err)
		}
	}
	for _, app := range []string{picloud.DefaultApp, "shop", "blog"} {
		n.deployAs(app, "who", `"`+app+`"`, picloud.Settings{})
	}
	return n
}

func TestADomainLeadsToItsAppOnceVerified(t *testing.T) {
	t.Parallel()
	n := startApps(t)
	n.addDomain("shop", "shop.example.org", false)
	n.addDomain("blog", "shop.example.org", true)
	n.addDomain("shop", "www.example.org", true)
	n.wantApps("with domains", map[string]string{
		"shop.example.org": "blog", "SHOP.Example.ORG.": "blog", "shop.example.org:8443": "blog", "www.example.org": "shop",
		"example.org": "default", "a.shop.example.org": "default", "shop.example.org.evil.example": "default",
		"shop.localhost": "shop", "shop.apps.example.net": "shop", "apps.example.net": "default", "none.apps.example.net": "not_found",
	})
	if err := n.store.DeleteDomain(t.Context(), "blog", "shop.example.org"); err != nil {
		t.Fatal(err)
	}
	n.wantApps("after its removal", map[string]string{"shop.example.org": "default", "www.example.org": "shop"})
}

// TestTheInstancesOwnHostsCannotBeTaken has domains in the database that the
// manager would refuse: another base domain was configured when they came.
func TestTheInstancesOwnHostsCannotBeTaken(t *testing.T) {
	t.Parallel()
	n := startApps(t)
	for _, name := range []string{"apps.example.net", "shop.apps.example.net", "new.apps.example.net", "shop.localhost"} {
		n.addDomain("blog", name, true)
	}
	n.wantApps("with a greedy app", map[string]string{
		"apps.example.net": "default", "shop.apps.example.net": "shop", "new.apps.example.net": "not_found", "shop.localhost": "shop",
	})
}

func TestCertificatesForKnownHostsOnly(t *testing.T) {
	t.Parallel()
	n := startApps(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	n.addDomain("shop", "shop.example.org", true)
	n.addDomain("shop", "pending.example.org", false)
	ask := func(host string, headers ...string) int {
		return n.do("GET", TLSAskPath+"?domain="+url.QueryEscape(host), "", append([]string{"Host: node:8080"}, headers...)...).status
	}
	for host, want := range map[string]int{
		"shop.example.org": 200, "SHOP.example.org": 200, "apps.example.net": 200, "blog.apps.example.net": 200, "default.apps.example.net": 200,
		"pending.example.org": 404, "x.shop.example.org": 404, "none.apps.example.net": 404, "a.blog.apps.example.net": 404,
		"shop.localhost": 404, "localhost": 404, "": 404, "127.0.0.1": 404, "*.example.org": 404, strings.Repeat("a", 4000): 404, "a\x00b": 404, "\xff": 404,
	} {
		if got := ask(host); got != want {
			t.Errorf("a certificate for %.40q: %d, want %d", host, got, want)
		}
	}
	if a := n.do("GET", TLSAskPath, ""); a.status != 404 {
		t.Errorf("without a domain: %d", a.status)
	}
	// What the proxy passes on from others is none of its own questions.
	for _, header := range []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: ", "Forwarded: for=203.0.113.9", "X-Real-Ip: 1.2.3.4"} {
		if got := ask("shop.example.org", header); got != 404 {
			t.Errorf("asked with %q: %d", header, got)
		}
	}
	testenv.Eventually(t, "the dispatcher sleeps", func() bool { return n.dispatch.resting.Load() == n.table.Load() })
	before := n.store.Statements()
	for range 100 {
		ask("shop.example.org")
		ask("stranger.example.org")
	}
	if after := n.store.Statements(); after != before {
		t.Errorf("200 questions ran %d statements", after-before)
	}
	if err := n.store.DeleteDomain(t.Context(), "shop", "shop.example.org"); err != nil {
		t.Fatal(err)
	}
	if got := ask("shop.example.org"); got != 404 {
		t.Errorf("a certificate for a removed domain: %d", got)
	}
}

func TestNobodyElseMayAskForCertificates(t *testing.T) {
	t.Parallel()
	for name, proxies := range map[string][]netip.Prefix{"without proxies": nil, "from elsewhere": {netip.MustParsePrefix("10.0.0.0/8")}} {
		n := startApps(t, func(c *Config) { c.TrustedProxies = proxies })
		n.addDomain("shop", "shop.example.org", true)
		for _, path := range []string{TLSAskPath + "?domain=shop.example.org", TLSAskPath + "/?domain=shop.example.org", "/_picloud/TLS-ask?domain=shop.example.org"} {
			a := n.do("GET", path, "")
			if a.status != 404 || a.code() != "not_found" || a.body != "" && !strings.Contains(a.body, "there is nothing here") {
				t.Errorf("%s: GET %s = %d %s", name, path, a.status, a.body)
			}
		}
	}
}

func TestHostsThatAreNone(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	long := strings.Join([]string{label, label, label, label[:61]}, ".")
	for host, want := range map[string]bool{
		"": true, "a": true, "A.b-c_d.example:80": true, "a.example.": true, "127.0.0.1:8080": true, "[::1]": true, "[fe80::1%25eth0]": true, "[::1]:80": true, "a:": true, long + ".:65535": true,
		"a:80:80": false, "a:b": false, "[::1": false, "[::1]x": false, "[x]": false, "[]": false, "::1": false, "a/b": false, "a b": false, "a@b": false, "a%41": false, "a\x00": false, "a,b": false,
		"\xff": false, "é.example": false, "a:-1": false, "a\\b": false, long + "a.:65535": false, "*": false, "`": false, "{": false, "a\x10b": false,
	} {
		if got := validHost(host); got != want {
			t.Errorf("validHost(%q) = %v", host, got)
		}
	}
}
