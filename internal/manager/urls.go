package manager

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

// AppHost is the host, with the port of base if it has one, on which an app
// answers: the default app on the base itself, another on a label below it.
// Below an address there are no labels, so that those go below localhost.
func AppHost(base *url.URL, app string) string {
	if app == picloud.DefaultApp {
		return base.Host
	}
	domain := base.Hostname()
	if _, err := netip.ParseAddr(domain); err == nil {
		domain = "localhost"
	}
	if port := base.Port(); port != "" {
		return net.JoinHostPort(app+"."+domain, port)
	}
	return app + "." + domain
}

func (m *Manager) appURL(app string) string {
	return m.public.Scheme + "://" + AppHost(m.public, app)
}

// routeURL is where a route answers. Wildcards stay as they are written, for a
// person to fill in.
func (m *Manager) routeURL(app string, r picloud.Route) string {
	return m.appURL(app) + strings.TrimSuffix(r.Path, "{$}")
}

// describeRoutes is the routes as users write them, and where they answer. Two
// routes with one path have one URL.
func (m *Manager) describeRoutes(app string, routes []picloud.Route) (texts, urls []string) {
	texts, urls = make([]string, len(routes)), []string{}
	seen := map[string]bool{}
	for i, r := range routes {
		texts[i] = r.String()
		if u := m.routeURL(app, r); !seen[u] {
			seen[u] = true
			urls = append(urls, u)
		}
	}
	return texts, urls
}
